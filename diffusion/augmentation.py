"""Networks that are shown a picture with noise and told how much: the x4 upscaler, and unCLIP (Ramesh et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from diffusion.inputs import Scene
from diffusion.prediction import stable_diffusion_sigmas
from diffusion.unet import timestep_embedding

UPSCALER_BETAS = (0.0001, 0.02)
UPSCALER_LEVELS = 350  # of the thousand, that the x4 upscaler was trained with
SEED = -10  # between the seed of a run and that of the picture's noise
MERGED = 0.05  # the noise of several pictures together


def upscaling(scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
    """The picture to enlarge (b, 3, h, w) in -1..1 with noise, and the level of the noise as a class."""
    picture = options.get("concat_image")
    share = options.get("noise_augmentation", 0.0)
    level = round(UPSCALER_LEVELS * share)
    if picture is None:
        picture = torch.zeros(scene.shape[0], 3, *scene.shape[2:])
    picture = scene.fit(picture.float())
    if share > 0:
        sigma = float(stable_diffusion_sigmas(betas=UPSCALER_BETAS)[min(level, 999)])
        picture = _noisy(picture, 1 / (1 + sigma**2), scene.start.seed)
    return {"concat": picture, "y": torch.tensor([level])}


@dataclass(frozen=True, eq=False)
class Pictures:
    """What unCLIP networks are given: the embedding of a picture with noise, and the embedded level of the noise.

    mean, deviation: of the embeddings that it was trained with, (1, d) each. label: the width of y.
    """

    mean: Tensor
    deviation: Tensor
    label: int

    def __call__(self, scene: Scene, options: Mapping[str, Any]) -> dict[str, Tensor]:
        found = options.get("unclip_conditioning")
        if not found:
            return {"y": torch.zeros(1, self.label)}
        each = [
            self._embedded(embeds, p["noise_augmentation"], scene.start.seed) * p["strength"]
            for p in found
            for embeds in p["clip_vision_output"].image_embeds.float().split(1)
        ]
        if len(each) == 1:
            return {"y": each[0]}
        width = self.mean.shape[-1]
        share = options.get("unclip_noise_augment_merge", MERGED)
        return {"y": self._embedded(torch.stack(each).sum(0)[:, :width], share, scene.start.seed)}

    def _embedded(self, embeds: Tensor, share: float, seed: int) -> Tensor:
        """embeds (1, d) -> (1, label)"""
        width = self.mean.shape[-1]
        if embeds.shape[-1] != width:
            raise ValueError(
                f"the picture's embedding is {embeds.shape[-1]} wide, but the model takes {width}; "
                "encode it with the CLIP_VISION of the unCLIP checkpoint"
            )
        level = round(999 * share)
        mean, deviation = self.mean.float(), self.deviation.float()
        noisy = _noisy((embeds - mean) / deviation, _cosine_signal(level), seed) * deviation + mean
        return torch.cat((noisy, timestep_embedding(torch.tensor([level]), self.label - width)), -1)


def _noisy(x: Tensor, signal: float, seed: int) -> Tensor:
    """x with noise of the CPU's generator; signal: the share of x in the variance, 0..1."""
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed((seed + SEED) % 2**64))
    return x * math.sqrt(signal) + noise * math.sqrt(1 - signal)


def _cosine_signal(level: int) -> float:
    """The signal that is left after a timestep of a thousand (Nichol & Dhariwal 2021), no step losing over 0.999."""
    at = [math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(level + 2)]
    return math.prod(1 - min(1 - after / before, 0.999) for before, after in pairwise(at))
