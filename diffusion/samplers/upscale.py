"""A sampler that enlarges the latent on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from diffusion.resample import resize
from diffusion.solver import Denoise, OnStep, steps

if TYPE_CHECKING:
    from diffusion.noise import NoiseSource
    from diffusion.prediction import Prediction


def lcm_upscale(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    *,
    prediction: Prediction,
    noise: NoiseSource,
    on_step: OnStep,
    scale_ratio: float = 1.0,
    scale_steps: int = -1,
    upscale_method: str = "bislerp",
) -> Tensor:
    """`lcm` whose first steps enlarge x0 evenly to `scale_ratio` times its size; -1: the first half of the steps."""
    growing = max(len(sigmas) // 2, 1) if scale_steps < 0 else scale_steps
    draw, (height, width) = noise.after_start(x), x.shape[-2:]
    for step in steps(sigmas):
        x = denoise(x, step.at)
        on_step(step.i, step.n, x)
        if step.i < growing:
            scale = 1 + (scale_ratio - 1) * (step.i + 1) / growing
            x = resize(x, round(width * scale), round(height * scale), upscale_method, "disabled")
        if step.next > 0:
            x = prediction.add_noise(x, draw(x), sigmas[step.i + 1], False)
    return x
