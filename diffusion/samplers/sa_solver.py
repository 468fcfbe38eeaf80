"""Stochastic Adams methods."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from diffusion.samplers.quadrature import lagrange_weights
from diffusion.solver import Denoise, LogSnr, OnStep, Step, finite_start, linear, steps

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction


def sa_solver(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    eta: float = 1.0,
    noisy_sigmas: tuple[float, float] | None = None,
    s_noise: float = 1.0,
    predictor_order: int = 3,
    corrector_order: int = 4,
    use_pece: bool = False,
    simple_order_2: bool = False,
) -> Tensor:
    """SA-Solver (Xue et al. 2023, arXiv:2309.05019): a stochastic Adams-Bashforth predictor, corrected by Adams-Moulton
    at the start of the next step.

    eta: tau of the paper, from the first of `noisy_sigmas` down to the second (by default those at 20 and 80 % of the
    model's range), and 0 outside. use_pece: evaluate again after the correction. simple_order_2: the paper's shorter
    factors.
    """
    noisy = noisy_sigmas or (prediction.percent_to_sigma(0.2), prediction.percent_to_sigma(0.8))
    draw = noise.normal(x)
    sigmas, time = finite_start(sigmas, prediction), LogSnr(prediction.flow)
    levels: list[float] = sigmas.tolist()
    lambdas = [time.of(s) for s in levels]
    adams = _Adams(time, levels, lambdas, simple_order_2)
    kept, tau = max(predictor_order, corrector_order), 0.0
    past: list[Tensor] = []  # x0, oldest first
    start, added = x, x  # of the step before: x, and the noise that was added
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        past = [*past, x0][-kept:]
        order, correction = _orders(step, len(past), predictor_order, corrector_order, use_pece, levels[-1] == 0)
        if correction > 0:
            x = adams.step(start, past[-correction:], step.i - 1, step.i, tau, corrector=True)
            if tau > 0 and s_noise > 0:
                x.add_(added)
            if use_pece:
                x0 = past[-1] = denoise(x, step.at)
        start = x
        if step.next == 0:
            x = x0
            continue
        tau = eta if noisy[1] <= step.next <= noisy[0] else 0.0
        x = adams.step(start, past[-order:], step.i, step.i, tau, corrector=False)
        if tau > 0 and s_noise > 0:
            spread = math.sqrt(-math.expm1(-2 * tau**2 * (lambdas[step.i + 1] - lambdas[step.i])))
            added = draw(step.sigma, step.next).mul_(step.next * spread * s_noise)
            x.add_(added)
    return x


def _orders(step: Step, known: int, predictor: int, corrector: int, pece: bool, to_zero: bool) -> tuple[int, int]:
    """Orders of the prediction and the correction of a step; those of a schedule that ends at 0 fall towards it."""
    predictor = min(predictor, known)
    corrector = 0 if step.i == 0 or (step.next == 0 and not pece) else min(corrector, known)
    if to_zero:
        predictor, corrector = min(predictor, step.n - 1 - step.i), min(corrector, step.n - step.i)
    return predictor, corrector


class _Adams:
    """Steps on one schedule."""

    def __init__(self, time: LogSnr, levels: list[float], lambdas: list[float], simple_order_2: bool):
        self.time, self.levels, self.lambdas, self.simple = time, levels, lambdas, simple_order_2

    def step(self, x: Tensor, past: list[Tensor], start: int, newest: int, tau: float, *, corrector: bool) -> Tensor:
        """x at sigma number `start` -> x at the one after it. past: x0 up to number `newest`, oldest first."""
        end = start + 1
        h, speed = self.lambdas[end] - self.lambdas[start], 1 + tau**2
        nodes = self.lambdas[newest - len(past) + 1 : newest + 1]
        if self.simple and len(past) == 2:
            factors = self._simple(h, speed, nodes[0] - self.lambdas[start], corrector=corrector)
        else:
            factors = self._exact(nodes, start, end, speed)
        alpha = self.time.alpha(self.levels[end])
        ratio = self.levels[end] / self.levels[start] * math.exp(-(tau**2) * h)
        return linear((ratio, x), *((alpha * f, x0) for f, x0 in zip(factors, past, strict=True)))

    def _exact(self, nodes: list[float], start: int, end: int, speed: float) -> list[float]:
        """Equation 14 of the paper, integrated."""
        finish = self.lambdas[end]
        return lagrange_weights(
            [n - finish for n in nodes], self.lambdas[start] - finish, 0, lambda t: speed * np.exp(speed * t)
        )

    def _simple(self, h: float, speed: float, back: float, *, corrector: bool) -> list[float]:
        """The paper's shorter factors of order 2; `back` is how far the older estimate lies behind the start."""
        total = -math.expm1(-h * speed)
        if corrector:
            newer = speed * h / 2
            return [total - newer, newer]
        older = speed * h**2 / 2 / back
        return [older, total - older]
