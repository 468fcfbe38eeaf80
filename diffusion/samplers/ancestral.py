"""Samplers that step beyond the next sigma and add fresh noise to come back to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor

from diffusion.solver import Denoise, LogSnr, OnStep, ancestral, linear, slope, steps, toward

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction


def euler_ancestral(
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
    """Euler steps of the variance-exploding SDE (Song et al. 2020), for eta 1 those of DDPM (Ho et al. 2020)."""
    draw = noise.normal(x)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        down, scale, up = ancestral(step.sigma, step.next, eta, flow=prediction.flow)
        x = toward(x, x0, down / step.sigma)
        if up > 0:
            x = linear((scale, x), (s_noise * up, draw(step.sigma, step.next)))
    return x


def dpm_2_ancestral(
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
    """`dpm_2` to below the next sigma, and back up with fresh noise."""
    draw = noise.normal(x)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        down, scale, up = ancestral(step.sigma, step.next, eta, flow=prediction.flow)
        if down > 0:
            middle = math.sqrt(step.sigma * down)
            half = toward(x, x0, middle / step.sigma)
            d = slope(half, denoise(half, sigmas.new_tensor(middle)), middle)
            x = linear((1, x), (down - step.sigma, d))
        else:
            x = x0
        if up > 0:
            x = linear((scale, x), (s_noise * up, draw(step.sigma, step.next)))
    return x


def dpmpp_2s_ancestral(
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
    """DPM-Solver++(2S) (Lu et al. 2022b, algorithm 1) with ancestral noise."""
    draw = noise.normal(x)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        down, scale, up = ancestral(step.sigma, step.next, eta, flow=prediction.flow)
        if down > 0:
            middle = _log_snr_middle(step.sigma, down, flow=prediction.flow)
            half = toward(x, x0, middle / step.sigma)
            x0 = denoise(half, sigmas.new_tensor(middle))
        x = toward(x, x0, down / step.sigma)
        if up > 0:
            x = linear((scale, x), (s_noise * up, draw(step.sigma, step.next)))
    return x


def _log_snr_middle(sigma: float, down: float, *, flow: bool) -> float:
    if flow and sigma == 1:  # infinitely far from any other: the standard begins here
        return 0.9999
    time = LogSnr(flow)
    return time.sigma((time.of(sigma) + time.of(down)) / 2)


def ddpm(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """Ho et al. 2020, algorithm 2, with the posterior's smaller variance."""
    draw = noise.normal(x)
    for step in steps(sigmas):
        x0 = denoise(x, step.at)
        on_step(step.i, step.n, x0)
        kept, kept_next = 1 / (1 + step.sigma**2), 1 / (1 + step.next**2)  # alpha bar of the paper
        alpha = kept / kept_next
        eps = slope(x, x0, step.sigma)
        to_x = math.sqrt(1 / (alpha * kept_next))
        x = linear((math.sqrt(kept) * to_x, x), (-(1 - alpha) / math.sqrt(1 - kept) * to_x, eps))
        if step.next > 0:
            spread = math.sqrt((1 - alpha) * (1 - kept_next) / (1 - kept) / kept_next)
            x.add_(draw(step.sigma, step.next), alpha=spread)
    return x


def lcm(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """Latent consistency sampling (Luo et al. 2023): jump to x0, and noise it anew for the next sigma."""
    draw = noise.normal(x)
    for step in steps(sigmas):
        x = denoise(x, step.at)
        on_step(step.i, step.n, x)
        if step.next > 0:
            x = prediction.add_noise(x, draw(step.sigma, step.next), sigmas[step.i + 1], False)
    return x
