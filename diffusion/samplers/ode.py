"""Deterministic one-step samplers: nothing is remembered from step to step."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diffusion.solver import Denoise, OnStep, linear, slope, steps, toward

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction


def euler(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """Karras et al. 2022, algorithm 1 without the correction. First order; DDIM (Song et al. 2020) is the same."""
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        x = toward(x, x0, step.ratio)
    return x


def heun(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """Karras et al. 2022, algorithm 1: Euler, then the mean of the slopes at both ends. Second order."""
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        end = toward(x, x0, step.ratio)
        if step.next > 0:
            d, width = slope(x, x0, step.sigma), step.next - step.sigma
            d_end = slope(end, denoise(end, sigmas[step.i + 1]), step.next)
            end = linear((1, x), (width / 2, d), (width / 2, d_end))
        x = end
    return x


def heunpp2(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """Heun with up to three slopes along the schedule, weighted by its sigmas (Heun++, arXiv:2306.08860)."""
    levels: list[float] = sigmas.tolist()
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        slopes, ahead = [slope(x, x0, step.sigma)], x
        for k in range(step.i, min(step.i + 2, step.n)):
            if levels[k + 1] == levels[-1]:
                break
            ahead = linear((1, ahead), (levels[k + 1] - levels[k], slopes[-1]))
            slopes.append(slope(ahead, denoise(ahead, sigmas[k + 1]), levels[k + 1]))
        weights = [levels[step.i + k] / (len(slopes) * levels[0]) for k in range(1, len(slopes))]
        width = step.next - step.sigma
        factors = [1 - sum(weights), *weights]
        x = linear((1, x), *((width * f, d) for f, d in zip(factors, slopes, strict=True)))
    return x


def dpm_2(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """Midpoint rule, the middle being that of log sigma (DPM-Solver-2 of Lu et al. 2022, in sigma). Second order."""
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        if step.next > 0:
            middle = math.sqrt(step.sigma * step.next)
            half = toward(x, x0, middle / step.sigma)
            d = slope(half, denoise(half, sigmas.new_tensor(middle)), middle)
            x = linear((1, x), (step.next - step.sigma, d))
        else:
            x = toward(x, x0, step.ratio)
    return x


def dpm_fast(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """DPM-Solver-fast (Lu et al. 2022, appendix D.4): as many evaluations as the schedule has steps, spent on steps of
    order 3, 2 and 1 at its own times, equal in log sigma. Only the ends of the schedule matter; a last 0 is not
    reached.
    """
    if len(sigmas) < 2:
        return x
    end = next(s for s in reversed(sigmas.tolist()) if s > 0)
    start, evaluations = float(sigmas[0]), len(sigmas) - 1
    solver = DpmSolver(denoise, sigmas)
    orders = _fast_orders(evaluations)
    times = torch.linspace(-math.log(start), -math.log(end), len(orders) + 1, dtype=torch.float64).tolist()
    for i, (order, (t, t_next)) in enumerate(zip(orders, pairwise(times), strict=True)):
        eps = solver.eps(x, t)
        on_step(i, len(orders), linear((1, x), (-math.exp(-t), eps)))
        x = solver.step(order, x, eps, t, t_next)[-1]
    return x


def _fast_orders(evaluations: int) -> list[int]:
    thirds, rest = divmod(evaluations, 3)
    return [3] * thirds + [rest] if rest else [3] * (thirds - 1) + [2, 1]


class DpmSolver:
    """One step of DPM-Solver (Lu et al. 2022, algorithms 1 and 2) in t = -log sigma."""

    def __init__(self, denoise: Denoise, sigmas: Tensor):
        self.denoise, self.like = denoise, sigmas

    def eps(self, x: Tensor, t: float) -> Tensor:
        sigma = math.exp(-t)
        return slope(x, self.denoise(x, self.like.new_tensor(sigma)), sigma)

    def step(self, order: int, x: Tensor, eps: Tensor, t: float, t_next: float) -> list[Tensor]:
        """x at t -> x at t_next by orders 1 to `order`, all from the same evaluations (those that use them)."""
        h, sigma = t_next - t, math.exp(-t_next)
        first = linear((1, x), (-sigma * math.expm1(h), eps))
        if order == 1:
            return [first]
        r1 = 1 / 2 if order == 2 else 1 / 3
        change = self._ahead(x, eps, t, r1 * h) - eps
        second = linear((1, first), (-sigma / (2 * r1) * math.expm1(h), change))
        if order == 2:
            return [first, second]
        return [first, second, self._third(x, first, eps, change, t, h)]

    def _ahead(self, x: Tensor, eps: Tensor, t: float, width: float, *terms: tuple[float, Tensor]) -> Tensor:
        scale = math.exp(-t - width)
        u = linear((1, x), (-scale * math.expm1(width), eps), *((scale * factor, v) for factor, v in terms))
        return self.eps(u, t + width)

    def _third(self, x: Tensor, first: Tensor, eps: Tensor, change: Tensor, t: float, h: float) -> Tensor:
        r1, r2 = 1 / 3, 2 / 3
        bend = -(r2 / r1) * (math.expm1(r2 * h) / (r2 * h) - 1)
        change2 = self._ahead(x, eps, t, r2 * h, (bend, change)) - eps
        return linear((1, first), (-math.exp(-t - h) / r2 * (math.expm1(h) / h - 1), change2))
