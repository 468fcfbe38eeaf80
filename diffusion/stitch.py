"""Putting two batches of pictures side by side: (b, h, w, c) tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from diffusion.images import pad_to, scale

COLORS = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}


def stitch(first: Tensor, second: Tensor, direction: str, match_size: bool, spacing: int, color: str) -> Tensor:
    """`second` put to the `direction` (right, down, left, up) of `first`.

    spacing: that many pixels of `color` between them, made even.
    match_size: resize the second so that the touching sides are equal; otherwise the smaller is centred on white, or
    on black. The shorter batch goes on with its last picture, a missing alpha channel is opaque.
    """
    if not len(first) or not len(second):
        raise ValueError("a batch without pictures cannot be stitched: both image1 and image2 need one")
    beside = direction in ("right", "left")
    longest = max(len(first), len(second))
    first, second = _prolong(first, longest), _prolong(second.to(first), longest)
    if match_size:
        second = _match(first, second, beside)
    else:
        first, second = _align(first, second, beside, fill=1.0 if color == "white" else 0.0)
    channels = max(first.shape[-1], second.shape[-1])
    parts = [opaque(first, channels), opaque(second, channels)]
    if direction in ("left", "up"):
        parts.reverse()
    if spacing:
        parts.insert(1, _spacer(parts[0], spacing + spacing % 2, color, beside))
    return torch.cat(parts, dim=2 if beside else 1)


def opaque(image: Tensor, channels: int) -> Tensor:
    """With `channels` channels, the new ones full of 1."""
    return functional.pad(image, (0, channels - image.shape[-1]), value=1.0)


def _prolong(image: Tensor, length: int) -> Tensor:
    return torch.cat((image, image[-1:].expand(length - len(image), -1, -1, -1)))


def _match(first: Tensor, second: Tensor, beside: bool) -> Tensor:
    (height, width), (old_height, old_width) = first.shape[1:3], second.shape[1:3]
    if beside:
        width = max(1, height * old_width // old_height)
    else:
        height = max(1, width * old_height // old_width)
    return scale(second, width, height, "lanczos")


def _align(first: Tensor, second: Tensor, beside: bool, fill: float) -> tuple[Tensor, Tensor]:
    """Both with the larger one's height (or width, one above the other)."""
    height, width = (max(a, b) for a, b in zip(first.shape[1:3], second.shape[1:3], strict=True))
    first_size, second_size = ((i.shape[2], height) if beside else (width, i.shape[1]) for i in (first, second))
    return pad_to(first, *first_size, fill), pad_to(second, *second_size, fill)


def _spacer(image: Tensor, size: int, color: str, beside: bool) -> Tensor:
    batch, height, width, channels = image.shape
    shape = (batch, height, size, channels) if beside else (batch, size, width, channels)
    values = (*COLORS[color], *[1.0] * channels)[:channels]
    return image.new_tensor(values).expand(shape)
