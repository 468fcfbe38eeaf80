"""Exponential integrators of the reverse-time SDE, in lambda = log(alpha / sigma)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from diffusion.solver import Denoise, LogSnr, OnStep, ancestral, finite_start, linear, steps

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction


def dpmpp_sde(
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
    noise_on_device: bool = False,
) -> Tensor:
    """DPM-Solver++(2S) (Lu et al. 2022b) with ancestral noise in both stages, from a Brownian path. `r` places the
    second evaluation between the ends of a step."""
    if r <= 0:
        raise ValueError(f"r is {r}, so no second evaluation is possible; give a value above 0, usually 0.5")
    draw = noise.brownian(x, sigmas.tolist(), on_device=noise_on_device)
    sigmas, time = finite_start(sigmas, prediction), LogSnr(prediction.flow)

    def part(x: Tensor, x0: Tensor, sigma: float, to: float) -> Tensor:
        """From sigma to `to`, if x0 is right, with fresh noise."""
        alpha, alpha_to = time.alpha(sigma), time.alpha(to)
        down, _, up = ancestral(sigma / alpha, to / alpha_to, eta)
        kept = down * alpha / sigma
        x = linear((alpha_to / alpha * kept, x), (alpha_to * (1 - kept), x0))
        return x.add_(draw(sigma, to), alpha=alpha_to * s_noise * up) if up > 0 and s_noise > 0 else x

    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        if step.next == 0:
            x = x0
            continue
        middle = _between(step.sigma, step.next, r, flow=prediction.flow)
        x0_middle = denoise(part(x, x0, step.sigma, middle), sigmas.new_tensor(middle))
        target = torch.lerp(x0, x0_middle, 1 / (2 * r))
        x = part(x, target, step.sigma, step.next)
    return x


def _between(sigma: float, sigma_next: float, r: float, *, flow: bool) -> float:
    """The sigma at r of the way in lambda. In single precision as in the standard: the Brownian tree takes sigmas to
    six places, and another last digit may be another place on the path."""
    ends = torch.tensor([sigma, sigma_next], dtype=torch.float32)
    times = -(ends.logit() if flow else ends.log())
    middle = times[0] + r * (times[1] - times[0])
    return float((-middle).sigmoid() if flow else (-middle).exp())


def dpmpp_2m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    eta: float = 1.0,
    s_noise: float = 1.0,
    solver_type: Literal["midpoint", "heun"] = "midpoint",
    noise_on_device: bool = False,
) -> Tensor:
    """SDE-DPM-Solver++(2M) (Lu et al. 2022b, algorithm 4), noise from a Brownian path."""
    draw = noise.brownian(x, sigmas.tolist(), on_device=noise_on_device)
    sigmas, time = finite_start(sigmas, prediction), LogSnr(prediction.flow)
    old, h_last = x, 0.0
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        if step.next == 0:
            x = x0
            continue
        h, alpha = time.of(step.next) - time.of(step.sigma), time.alpha(step.next)
        span = h * (1 + eta)
        gain = -math.expm1(-span)
        x = linear((step.ratio * math.exp(-h * eta), x), (alpha * gain, x0))
        if step.i > 0:
            bend = 1 - gain / span if solver_type == "heun" else gain / 2
            x.add_(x0 - old, alpha=alpha * bend * h / h_last)
        if eta > 0 and s_noise > 0:
            x.add_(draw(step.sigma, step.next), alpha=step.next * math.sqrt(-math.expm1(-2 * h * eta)) * s_noise)
        old, h_last = x0, h
    return x


def dpmpp_3m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_on_device: bool = False,
) -> Tensor:
    """The third-order multistep form of SDE-DPM-Solver++ (Crowson 2023, k-diffusion), noise from a Brownian path."""
    draw = noise.brownian(x, sigmas.tolist(), on_device=noise_on_device)
    sigmas, time = finite_start(sigmas, prediction), LogSnr(prediction.flow)
    past: list[tuple[Tensor, float]] = []  # (x0, h) of the steps before, newest first
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        if step.next == 0:
            x = x0
            continue
        h, alpha = time.of(step.next) - time.of(step.sigma), time.alpha(step.next)
        span = h * (1 + eta)
        x = linear((step.ratio * math.exp(-h * eta), x), (-alpha * math.expm1(-span), x0))
        _bend(x, x0, past, h, span, alpha)
        if eta > 0 and s_noise > 0:
            x.add_(draw(step.sigma, step.next), alpha=step.next * math.sqrt(-math.expm1(-2 * h * eta)) * s_noise)
        past = [(x0, h), *past[:1]]
    return x


def _bend(x: Tensor, x0: Tensor, past: list[tuple[Tensor, float]], h: float, span: float, alpha: float) -> None:
    """Add to x, in place, what the first and second derivative of x0 contribute to a step."""
    if not past:
        return
    phi2 = math.expm1(-span) / span + 1
    (x0_1, h_1), *older = past
    first = (x0 - x0_1).mul_(h / h_1)
    if not older:
        x.add_(first, alpha=alpha * phi2)
        return
    ((x0_2, h_2),) = older
    r0, r1 = h_1 / h, h_2 / h
    second = first.sub(x0_1 - x0_2, alpha=1 / r1)
    first.add_(second, alpha=r0 / (r0 + r1))
    phi3 = phi2 / span - 0.5
    x.add_(first, alpha=alpha * phi2).add_(second, alpha=-alpha * phi3 / (r0 + r1))
