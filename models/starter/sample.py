"""Pictures from a checkpoint, drawn by this project's engine, many prompts at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from diffusion import checkpoint, noise, sampling
from diffusion.coding import Vae
from diffusion.model import Model
from diffusion.text import Clip

SIDE = 128  # pixels
STEPS, CFG, SAMPLER, SCHEDULE = 20, 4.0, "euler", "normal"
BATCH = 10


@dataclass(frozen=True)
class Seeds(noise.Noise):
    """Noise with a seed for each picture of a batch, so that each is what a run of its own would draw."""

    each: tuple[int, ...] = ()

    def of(self, samples: Tensor, batch_index: Sequence[int] | None = None) -> Tensor:
        """The noise for a latent (b, c, h, w), b = the number of seeds."""
        return torch.cat([noise.batch_noise((1, *samples.shape[1:]), seed) for seed in self.each])


def pictures(path: Path, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[Tensor]:
    """A picture (128, 128, 3) in 0..1 of each prompt and seed. Raises ModelFileError for another kind of file."""
    model, clip, vae = checkpoint.load(path)
    for start in range(0, len(prompts), BATCH):
        yield from batch(model, clip, vae, prompts[start : start + BATCH], seeds[start : start + BATCH])


def batch(model: Model, clip: Clip, vae: Vae, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
    """Pictures (b, 128, 128, 3) in 0..1, drawn at once."""
    context = torch.cat([clip.encode(prompt)[0] for prompt in prompts])  # b 77 w
    side = SIDE // vae.factor
    latent = sampling.run_schedule(
        model,
        [(context, {})],
        clip.conditioning(""),
        {"samples": torch.zeros(len(prompts), vae.channels, side, side)},
        noise=Seeds(seeds[0], each=tuple(seeds)),
        steps=STEPS,
        cfg=CFG,
        sampler=SAMPLER,
        schedule=SCHEDULE,
    )
    return vae.decode(latent["samples"])
