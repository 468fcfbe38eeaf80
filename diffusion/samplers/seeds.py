"""Stochastic exponential solvers whose stages share one path of noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diffusion.solver import Denoise, LogSnr, OnStep, Step, finite_start, linear, steps

if TYPE_CHECKING:
    from diffusion.noise import Draw, NoiseSource
    from diffusion.prediction import Prediction


def seeds_2(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
) -> Tensor:
    """SEEDS-2 (Gonzalez et al. 2023, arXiv:2305.14267): two evaluations a step, whose noises belong together."""
    draw, time = noise.normal(x), LogSnr(prediction.flow)
    sigmas = finite_start(sigmas, prediction)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        if step.next == 0:
            x = x0
            continue
        stages = _Stages(time, step, eta, s_noise, draw)
        middle, at = stages.move(r, x, x0)
        target = torch.lerp(x0, denoise(middle, sigmas.new_tensor(at)), 1 / (2 * r))
        x, _ = stages.move(1, x, target)
    return x


def seeds_3(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Tensor:
    """SEEDS-3 (Gonzalez et al. 2023, arXiv:2305.14267): three evaluations a step, in thirds."""
    draw, time = noise.normal(x), LogSnr(prediction.flow)
    sigmas = finite_start(sigmas, prediction)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        if step.next == 0:
            x = x0
            continue
        stages = _Stages(time, step, eta, s_noise, draw)
        middle, at = stages.move(1 / 3, x, x0)
        change = denoise(middle, sigmas.new_tensor(at)) - x0
        middle, at = stages.move(2 / 3, x, x0, change)
        change = denoise(middle, sigmas.new_tensor(at)) - x0
        x, _ = stages.move(1, x, x0, change)
    return x


class _Stages:
    """The stages of one step from sigma to the next: each goes back to the start of the step, with all the noise drawn
    so far, shrunk as the process shrinks it."""

    def __init__(self, time: LogSnr, step: Step, eta: float, s_noise: float, draw: Draw):
        self.time, self.step, self.eta, self.s_noise, self.draw = time, step, eta, s_noise, draw
        self.start = time.of(step.sigma)
        self.h = time.of(step.next) - self.start
        self.at, self.sigma = 0.0, step.sigma  # where the last stage ended
        self.noise: Tensor | None = None

    def move(self, c: float, x: Tensor, x0: Tensor, change: Tensor | None = None) -> tuple[Tensor, float]:
        """x at the fraction `c` of the step and its sigma; `change` of x0 was seen at the end of the last stage."""
        sigma = self.step.next if c == 1 else self.time.sigma(self.start + c * self.h)
        span, alpha = c * self.h * (1 + self.eta), self.time.alpha(sigma)
        out = linear((sigma / self.step.sigma * math.exp(-c * self.h * self.eta), x), (-alpha * math.expm1(-span), x0))
        if change is not None:
            out.add_(change, alpha=alpha * c / self.at * (1 + math.expm1(-span) / span))
        if self.eta > 0 and self.s_noise > 0:
            out.add_(self._noise(c, sigma), alpha=sigma * self.s_noise)
        self.at, self.sigma = c, sigma
        return out, sigma

    def _noise(self, c: float, sigma: float) -> Tensor:
        width = (c - self.at) * self.h * self.eta
        fresh = self.draw(self.sigma, sigma) * math.sqrt(-math.expm1(-2 * width))
        self.noise = fresh if self.noise is None else fresh.add_(self.noise, alpha=math.exp(-width))
        return self.noise
