"""Sample sheets: what a denoiser draws so far, of fixed prompts with a fixed seed."""

from __future__ import annotations

import torch

from diffusion.coding import Vae
from diffusion.model import Model
from diffusion.noise import Noise
from diffusion.sampling import run_schedule
from diffusion.text import Clip
from training.config import SamplesPart
from training.data.buckets import Size
from training.subject import Sheet


@torch.no_grad()
def sheet(part: SamplesPart, model: Model, clip: Clip, vae: Vae, size: Size) -> Sheet | None:
    if not part.prompts:
        return None
    negative = clip.conditioning("")
    latent = {"samples": torch.zeros(1, vae.channels, size[1] // vae.factor, size[0] // vae.factor)}
    pictures = [
        run_schedule(
            model,
            clip.conditioning(prompt),
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
