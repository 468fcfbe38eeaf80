"""Sample sheets: what a denoiser draws so far, of fixed prompts with a fixed seed."""

from __future__ import annotations

from collections.abc import Callable

import torch

from diffusion.coding import Vae
from diffusion.model import Model
from diffusion.noise import Noise
from diffusion.regions import Conditioning
from diffusion.sampling import run_schedule
from diffusion.text import Clip
from training.config import SamplesPart
from training.data.buckets import Size
from training.subject import Sheet

Prompts = Callable[[str], Conditioning]


def sheet(part: SamplesPart, model: Model, clip: Clip, vae: Vae, size: Size) -> Sheet | None:
    return sheet_of(part, model, clip.conditioning, vae, size)


@torch.no_grad()
def sheet_of(part: SamplesPart, model: Model, encode: Prompts, vae: Vae, size: Size) -> Sheet | None:
    """encode: from a prompt to what the model is told."""
    if not part.prompts:
        return None
    negative = encode("")
    latent = {"samples": torch.zeros(1, vae.channels, size[1] // vae.factor, size[0] // vae.factor)}
    pictures = [
        run_schedule(
            model,
            encode(prompt),
            negative,
            latent,
            noise=Noise(part.seed),
            steps=part.steps,
            cfg=part.cfg,
            sampler=part.sampler,
            schedule=part.scheduler,
        )["samples"]
        for prompt in part.prompts
    ]
    return Sheet(pictures=torch.cat([vae.decode(latent).cpu() for latent in pictures]), labels=part.prompts)
