"""Latents as (b, c, h, w) tensors, or (b, c, t, h, w) with frames: empty ones, size and place.

No function changes its input. Sizes in pixels are `PIXELS` to one element, the factor of Stable Diffusion's VAE.
"""

from __future__ import annotations

import torch
from torch import Tensor

from diffusion.composite import composite
from diffusion.resample import resize

PIXELS = 8
LEAST = 64  # pixels that a scaled side has at least


def empty(batch: int, channels: int, *sides: int) -> Tensor:
    """Zeros (batch, channels, *sides), the sides in elements: h, w or t, h, w."""
    if min(sides) < 1:
        raise ValueError(f"a latent of {' x '.join(map(str, sides))} elements is empty: raise the width and height")
    return torch.zeros(batch, channels, *sides)


def frames(length: int, step: int) -> int:
    """How many latent frames `length` frames make: one for the first, then one for every `step`."""
    return (length - 1) // step + 1


# --- size ----------------------------------------------------------------------------------------


def scale(x: Tensor, width: int, height: int, method: str, crop: str = "disabled") -> Tensor:
    """x resized to width x height pixels, each at least 64; a 0 follows from the other side, two change nothing."""
    if width == 0 and height == 0:
        return x
    old_height, old_width = x.shape[-2:]
    width = width and max(LEAST, width)
    height = height and max(LEAST, height)
    width = width or max(LEAST, round(old_width * height / old_height))
    height = height or max(LEAST, round(old_height * width / old_width))
    return resize(x, width // PIXELS, height // PIXELS, method, crop)


def scale_by(x: Tensor, factor: float, method: str) -> Tensor:
    """Both sides times `factor`, rounded to whole elements."""
    height, width = (round(side * factor) for side in x.shape[-2:])
    if min(width, height) < 1:
        raise ValueError(f"a latent of {x.shape[-1]} x {x.shape[-2]} times {factor} is empty: raise the factor")
    return resize(x, width, height, method)


def crop(x: Tensor, left: int, top: int, width: int, height: int) -> Tensor:
    """A rectangle given in pixels; it begins at least 8 elements before the border, and ends at the border."""
    left = min(left // PIXELS, max(x.shape[-1] - 8, 0))
    top = min(top // PIXELS, max(x.shape[-2] - 8, 0))
    return x[..., top : top + height // PIXELS, left : left + width // PIXELS]


def cut(x: Tensor, dim: int, index: int, amount: int) -> Tensor:
    """`amount` elements along `dim` from `index` on, as far as there are; an index below 0 counts from the end."""
    size = x.shape[dim]
    start = min(index, size - 1) if index >= 0 else max(index + size, 0)
    return x.narrow(dim, start, min(amount, size - start))


# --- place ---------------------------------------------------------------------------------------


def flip(x: Tensor, vertically: bool) -> Tensor:
    """Mirrored: top and bottom change places if `vertically`, else left and right."""
    return torch.flip(x, dims=[-2 if vertically else -1])


def rotate(x: Tensor, quarters: int) -> Tensor:
    """Turned clockwise by so many quarters of a circle."""
    return torch.rot90(x, k=quarters, dims=(-1, -2))


def paste(destination: Tensor, source: Tensor, x: int, y: int, feather: int) -> Tensor:
    """A copy of destination (b, c, h, w) with source (b2, c, h2, w2) at (x, y); what overhangs is cut off.

    x, y, feather: in pixels. The source fades in over `feather` on the sides that are not on the destination's border.
    """
    mask = None
    if feather >= PIXELS:
        rows = _fade(source.shape[-2], y // PIXELS, destination.shape[-2], feather // PIXELS)
        columns = _fade(source.shape[-1], x // PIXELS, destination.shape[-1], feather // PIXELS)
        mask = (rows[:, None] * columns).to(destination)  # h2 w2
    return composite(destination, source, x, y, mask, scale=PIXELS)


def _fade(length: int, start: int, whole: int, feather: int) -> Tensor:
    """The weight of each of `length` lines put at `start` of `whole`."""
    ramp = ((torch.arange(length) + 1) / feather).clamp(max=1)
    weight = torch.ones(length)
    if start > 0:
        weight = weight * ramp
    if start + length < whole:
        weight = weight * ramp.flip(0)
    return weight
