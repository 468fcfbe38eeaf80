"""Samplers that remember the estimates of earlier steps: one evaluation a step, and higher order."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from diffusion.samplers.quadrature import lagrange_sums, lagrange_weights
from diffusion.solver import Denoise, OnStep, ancestral, linear, slope, steps, toward

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction

ADAMS_BASHFORTH = ([1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24])


def lms(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    order: int = 4,
) -> Tensor:
    """Linear multistep (Adams-Bashforth with uneven steps) in sigma (Crowson 2022, k-diffusion)."""
    levels: list[float] = sigmas.tolist()
    slopes: deque[Tensor] = deque(maxlen=order)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        slopes.appendleft(slope(x, x0, step.sigma))
        if step.next == 0:
            x = x0
            continue
        nodes = [levels[step.i - k] for k in range(len(slopes))]
        points = len(slopes) // 2 + 1  # exact for polynomials of this degree
        x = linear((1, x), *zip(lagrange_weights(nodes, step.sigma, step.next, points=points), slopes, strict=True))
    return x


def ipndm(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """Adams-Bashforth up to order 4 with the factors of even steps (improved PNDM, Zhang and Chen 2022)."""
    slopes: deque[Tensor] = deque(maxlen=4)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        slopes.appendleft(slope(x, x0, step.sigma))
        if step.next == 0:
            x = x0
            continue
        width = step.next - step.sigma
        factors = ADAMS_BASHFORTH[len(slopes) - 1]
        x = linear((1, x), *((width * f, d) for f, d in zip(factors, slopes, strict=True)))
    return x


def ipndm_v(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """`ipndm` with factors that depend on the widths of the steps."""
    levels: list[float] = sigmas.tolist()
    slopes: deque[Tensor] = deque(maxlen=4)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        slopes.appendleft(slope(x, x0, step.sigma))
        if step.next == 0:
            x = x0
            continue
        widths = [levels[step.i - k + 1] - levels[step.i - k] for k in range(len(slopes))]
        factors = _uneven_factors(widths)
        x = linear((1, x), *((widths[0] * f, d) for f, d in zip(factors, slopes, strict=True)))
    return x


def _uneven_factors(widths: list[float]) -> list[float]:
    """Factors of the slopes, newest first, from the widths of the coming step and those before it."""
    factors = np.zeros(4)
    factors[0] = 1
    if len(widths) > 1:
        h, h1 = widths[:2]
        factors[:2] += np.array([1, -1]) * h / (2 * h1)
    if len(widths) > 2:
        h, h1, h2 = widths[:3]
        second = (1 - h**2 / (3 * h1 * (h1 + h2))) / 2
        factors[:3] += second * np.array([1, -1 - h1 / h2, h1 / h2])
    if len(widths) > 3:
        factors += _third_difference(*widths)
    return factors[: len(widths)].tolist()


def _third_difference(h: float, h1: float, h2: float, h3: float) -> NDArray[np.float64]:
    lead = (1 - h / (3 * (h + h1))) / 2 + (1 - h / (2 * (h + h1))) * h / (6 * (h + h1 + h2))
    third = lead * h * (h + h1) * (h + h1 + h2) / (h1 * (h1 + h2) * (h1 + h2 + h3))
    q, p = h1 / h2, h1 * (h1 + h2) / (h2 * (h2 + h3))
    return third * np.array([1, -1 - q - p, q + p * (1 + h2 / h3), -p * q])


def deis(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    order: int = 3,
) -> Tensor:
    """tAB-DEIS (Zhang and Chen 2022, arXiv:2204.13902): slopes interpolated over the time of a variance-preserving
    process, up to order 3."""
    levels: list[float] = sigmas.tolist()
    slopes: deque[Tensor] = deque(maxlen=order)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        slopes.appendleft(slope(x, x0, step.sigma))
        if step.next == 0 or len(slopes) == 1:
            x = toward(x, x0, step.ratio)
            continue
        nodes = [_vp_time(levels[step.i - k]) for k in range(len(slopes))]
        factors = lagrange_sums(nodes, nodes[0], _vp_time(step.next), _vp_speed, points=10_000)
        x = linear((1, x), *zip(factors, slopes, strict=True))
    return x


# The process whose sigma is 0.002 at time 0.001 and 80 at time 1 (Song et al. 2020, with Karras' ends):
# log(sigma^2 + 1) = GROWTH t^2 / 2 + BASE t
GROWTH = 2 * (math.log(0.002**2 + 1) / 1e-3 - math.log(80**2 + 1)) / (1e-3 - 1)
BASE = math.log(80**2 + 1) - GROWTH / 2


def _vp_time(sigma: float) -> float:
    return (math.sqrt(BASE**2 + 2 * GROWTH * math.log(sigma**2 + 1)) - BASE) / GROWTH


def _vp_speed(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """d sigma / dt."""
    grown = np.exp(GROWTH * t**2 / 2 + BASE * t)
    return (GROWTH * t + BASE) * grown / (2 * np.sqrt(grown - 1))


def dpmpp_2m(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022b, algorithm 2). Second order."""
    old, last = x, 0.0
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        target = x0
        if step.i > 0 and step.next > 0:
            growth = math.log(step.next / step.sigma) / (2 * math.log(step.sigma / last))
            target = linear((1 + growth, x0), (-growth, old))
        x = toward(x, target, step.ratio)
        old, last = x0, step.sigma
    return x


def res_multistep(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    eta: float = 0.0,
    s_noise: float = 1.0,
    cfg_pp: bool = False,
) -> Tensor:
    """The second-order multistep method of Refined Exponential Solver (Zhang et al. 2023, arXiv:2308.02157), with
    ancestral noise for eta above 0. `cfg_pp` follows the negative prediction from the guided one (see CFG++)."""
    draw = noise.normal(x)
    old, old_down, last = x, 0.0, 0.0
    for step in steps(sigmas):
        x0, lead = denoise.both(x, step.at) if cfg_pp else (denoise(x, step.at),) * 2
        on_step(step.i, step.n, x0)
        down, _, up = ancestral(step.sigma, step.next, eta)
        ratio = down / step.sigma
        start = linear((ratio, x), (ratio, x0), (-ratio, lead)) if cfg_pp else x * ratio
        if down == 0 or step.i == 0:
            x = start.add_(x0, alpha=1 - ratio)
        else:
            now, before = _res_factors(math.log(step.sigma / down), math.log(old_down / last))
            x = start.add_(lead, alpha=now).add_(old, alpha=before)
        if up > 0:
            x.add_(draw(step.sigma, step.next), alpha=s_noise * up)
        old, old_down, last = lead, down, step.sigma
    return x


def _res_factors(h: float, back: float) -> tuple[float, float]:
    """Factors of this estimate and of the one `back` (below 0) earlier, for a step of h in log sigma."""
    phi1 = -math.expm1(-h) / h
    phi2 = (1 - phi1) / h
    return h * phi1 - h * h * phi2 / back, h * h * phi2 / back


def gradient_estimation(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    gamma: float = 2.0,
    cfg_pp: bool = False,
) -> Tensor:
    """Euler with the slope corrected by that of the step before (Permenter and Yuan 2023, arXiv:2306.04848)."""
    old = x
    for step in steps(sigmas):
        x0, lead = denoise.both(x, step.at) if cfg_pp else (denoise(x, step.at),) * 2
        on_step(step.i, step.n, x0)
        if step.next == 0:
            x = x0
            continue
        d, width = slope(x, lead, step.sigma), step.next - step.sigma
        x = linear((1, x0), (step.next, d)) if cfg_pp else linear((1, x), (width, d))
        if step.i > 0:
            x.add_(d - old, alpha=(gamma - 1) * width)
        old = d
    return x
