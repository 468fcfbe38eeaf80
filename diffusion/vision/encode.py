"""From a picture to what a vision network sees in it: the handle that CLIP_VISION sockets carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from diffusion import conditioning, detect, placement
from diffusion.conditioning import Conditioning, Entry
from diffusion.header import Header, ModelFileError, read_header
from diffusion.placement import Resident
from diffusion.text import parameter_bytes
from diffusion.vision import files
from diffusion.vision.network import ClipVisionNetwork, VisionConfig
from diffusion.weights import Weights, assemble, open_weights

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the colours of the pictures that CLIP was trained with."""


@dataclass(frozen=True, eq=False)
class VisionOutput:
    """What CLIP_VISION_OUTPUT sockets carry; the standard's names."""

    image_embeds: Tensor  # b p
    last_hidden_state: Tensor  # b n w
    penultimate_hidden_states: Tensor  # b n w

    @property
    def nbytes(self) -> int:
        return self.image_embeds.nbytes + self.last_hidden_state.nbytes + self.penultimate_hidden_states.nbytes


@dataclass(frozen=True, eq=False)
class ClipVision:
    name: str
    network: Resident
    config: VisionConfig

    @torch.no_grad()
    def encode(self, image: Tensor, *, crop: bool = True) -> VisionOutput:
        """image (b, h, w, c) in 0..1. crop: its middle square; else all of it, out of shape."""
        return self._seen(prepared(image, self.config.side, crop=crop))

    @torch.no_grad()
    def blank(self) -> VisionOutput:
        """What it sees in a picture of the mean colour, which to the network are zeros."""
        return self._seen(torch.zeros(1, 3, self.config.side, self.config.side))

    def _seen(self, x: Tensor) -> VisionOutput:
        last, before, embeds = self.network(x)
        return VisionOutput(embeds, last, before)

    @cached_property
    def nbytes(self) -> int:
        """The size of the weights."""
        return parameter_bytes(self.network)


def prepared(image: Tensor, side: int, *, crop: bool) -> Tensor:
    """image (b, h, w, c) in 0..1 -> (b, 3, side, side), rounded to 8 bits and normalised as CLIP was trained."""
    if image.shape[-1] < 3 or 0 in image.shape:
        raise ValueError(f"CLIP sees pictures of 3 channels, not of the shape {tuple(image.shape)}")
    x = image[..., :3].movedim(-1, 1).float()
    height, width = x.shape[2:]
    if (height, width) != (side, side):
        scale = side / min(height, width)
        size = (round(scale * height), round(scale * width)) if crop else (side, side)
        x = functional.interpolate(x, size=size, mode="bicubic", antialias=True)
        top, left = (x.shape[2] - side) // 2, (x.shape[3] - side) // 2
        x = x[:, :, top : top + side, left : left + side]
    x = (255 * x).clamp(0, 255).round() / 255
    return (x - x.new_tensor(MEAN)[:, None, None]) / x.new_tensor(DEVIATION)[:, None, None]


def load(path: Path) -> ClipVision:
    """The vision network of a file. Raises ModelFileError if it has none."""
    header = read_header(path)
    return of(header, open_weights(path, header))


def of(header: Header, weights: Weights, prefixes: tuple[str, ...] = files.PREFIXES) -> ClipVision:
    """The same, of a file that is open. Raises ModelFileError."""
    part = files.find(header, prefixes)
    mine = weights.of(part)
    try:
        config = VisionConfig.from_shapes(part.shapes, detect.heads(header, "vision"))
    except (ValueError, LookupError) as error:
        raise ModelFileError(f"{header.path.name} is damaged: its vision network makes no sense ({error})") from None
    network = assemble(lambda: ClipVisionNetwork(config), mine, "CLIP vision network")
    return ClipVision(header.path.name, Resident(network, placement.for_coder(), mine), config)


def as_prompt(to: Iterable[Entry], seen: Any, strength: float, noise_augmentation: float) -> Conditioning:
    """Conditionings with a picture for unCLIP models (Ramesh et al. 2022) beside their text; see `VisionOutput`.

    noise_augmentation: how little it binds, 0..1. At strength 0 they stay as they are.
    """
    if strength == 0:
        return conditioning.combine(to)
    picture = {"clip_vision_output": seen, "strength": strength, "noise_augmentation": noise_augmentation}
    return conditioning.appended(to, "unclip_conditioning", picture)
