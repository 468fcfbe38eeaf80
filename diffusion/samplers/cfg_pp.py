"""CFG++ (Chung et al. 2024, arXiv:2406.08070): go to the guided x0, but along the slope of the negative prediction."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from torch import Tensor

from diffusion.solver import Denoise, LogSnr, OnStep, ancestral, linear, steps

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction


def euler_ancestral_cfg_pp(
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
    """Euler with ancestral noise, in units of the signal so that flow models fit the same form."""
    draw, time = noise.normal(x), LogSnr(prediction.flow)
    for step in steps(sigmas):
        x0, negative = denoise.both(x, step.at)
        on_step(step.i, step.n, x0)
        alpha, alpha_next = time.alpha(step.sigma), time.alpha(step.next)
        ratio = step.sigma / alpha if alpha > 0 else math.inf
        down, _, up = ancestral(ratio, step.next / alpha_next, eta)
        back = alpha_next * down / step.sigma  # the noise that is kept, of that in x
        x = linear((alpha_next, x0), (back, x), (-back * alpha, negative))
        if up > 0 and s_noise > 0:
            x.add_(draw(step.sigma, step.next), alpha=alpha_next * s_noise * up)
    return x


def euler_cfg_pp(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    version: Literal["regular", "alternative"] = "regular",
) -> Tensor:
    """Euler without noise. The alternative moves x by the difference of the predictions before the step."""
    if version == "regular":
        return euler_ancestral_cfg_pp(
            denoise, x, sigmas, prediction=prediction, noise=noise, on_step=on_step, eta=0.0, s_noise=0.0
        )
    for step in steps(sigmas):
        x0, negative = denoise.both(x, step.at)
        on_step(step.i, step.n, x0)
        move = 1 - step.ratio
        x = linear((1 - move, x), (2 * move, x0), (-move, negative))
    return x


def dpmpp_2s_ancestral_cfg_pp(
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
    """DPM-Solver++(2S) with ancestral noise; x is moved so that the negative slope becomes that towards x0."""
    draw = noise.normal(x)
    for step in steps(sigmas):
        x0, negative = denoise.both(x, step.at)
        on_step(step.i, step.n, x0)
        down, _, up = ancestral(step.sigma, step.next, eta)
        ratio = down / step.sigma
        end = x0
        if down > 0:
            middle = math.sqrt(step.sigma * down)
            half = middle / step.sigma
            end, negative = denoise.both(linear((half, x), (1, x0), (-half, negative)), sigmas.new_tensor(middle))
        x = linear((ratio, x), (ratio, x0), (-ratio, negative), (1 - ratio, end))
        if up > 0:
            x.add_(draw(step.sigma, step.next), alpha=s_noise * up)
    return x


def dpmpp_2m_cfg_pp(
    denoise: Denoise, x: Tensor, sigmas: Tensor, *, prediction: Prediction, noise: NoiseSource, on_step: OnStep
) -> Tensor:
    """DPM-Solver++(2M) along the negative slope."""
    old: Tensor | None = None
    last = 0.0  # sigma of the step before
    for step in steps(sigmas):
        x0, negative = denoise.both(x, step.at)
        on_step(step.i, step.n, x0)
        x = linear((step.ratio, x), (1, x0), (-step.ratio, negative))
        if old is not None and step.next > 0:
            growth = math.log(step.next / step.sigma) / (2 * math.log(step.sigma / last))
            bend = growth * (1 - step.ratio)
            x.add_(x0, alpha=bend).add_(old, alpha=-bend)
        old, last = negative, step.sigma
    return x
