"""Latents as (b, c, h, w) tensors, or (b, c, t, h, w) with frames: empty ones, size and place.

No function changes its input. Sizes in pixels are `PIXELS` to one element, the factor of Stable Diffusion's VAE.
"""

from __future__ import annotations

import torch
from torch import Tensor

PIXELS = 8


def empty(batch: int, channels: int, *sides: int) -> Tensor:
    """Zeros (batch, channels, *sides), the sides in elements: h, w or t, h, w."""
    if min(sides) < 1:
        raise ValueError(f"a latent of {' x '.join(map(str, sides))} elements is empty: raise the width and height")
    return torch.zeros(batch, channels, *sides)


def frames(length: int, step: int) -> int:
    """How many latent frames `length` frames make: one for the first, then one for every `step`."""
    return (length - 1) // step + 1
