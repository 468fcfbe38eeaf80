"""Masks: (b, h, w) tensors in 0..1. No function changes its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from diffusion import images
from diffusion.colors import grey
from diffusion.composite import overlap
from diffusion.morphology import dilate, erode

CHANNELS = ("red", "green", "blue", "alpha")


def batched(mask: Tensor) -> Tensor:
    """(h, w), (b, h, w) or (b, 1, h, w) -> (b, h, w)"""
    return mask.reshape(-1, *mask.shape[-2:])


def batch(masks: Sequence[Tensor]) -> Tensor:
    """All masks in one (b, h, w), cropped and resized to the size of the first."""
    first, *rest = (batched(mask)[..., None] for mask in masks)
    for mask in rest:
        first = images.batch(first, mask)
    return first[..., 0]


def solid(value: float, width: int, height: int) -> Tensor:
    """One mask (1, h, w) of one value."""
    return torch.full((1, height, width), value)


def to_image(mask: Tensor) -> Tensor:
    """A grey picture (b, h, w, 3)."""
    return grey(batched(mask))


def from_image(image: Tensor, channel: str) -> Tensor:
    """One channel of image (b, h, w, c): red, green, blue or alpha."""
    index = CHANNELS.index(channel)
    if index >= image.shape[-1]:
        raise ValueError(f"the picture has {image.shape[-1]} channels, so no {channel}; choose another channel")
    return image[..., index].clone()


def crop(mask: Tensor, x: int, y: int, width: int, height: int) -> Tensor:
    """The part of width x height pixels at (x, y), as far as the mask reaches."""
    mask = batched(mask)
    if not (0 <= x < mask.shape[-1] and 0 <= y < mask.shape[-2]):
        raise ValueError(f"({x}, {y}) lies outside the mask of {mask.shape[-1]} x {mask.shape[-2]} pixels")
    return mask[:, y : y + height, x : x + width].clone()


def threshold(mask: Tensor, value: float) -> Tensor:
    """1 where the mask is greater than the value, else 0."""
    return (mask > value).to(mask)


def feather(mask: Tensor, left: int, top: int, right: int, bottom: int) -> Tensor:
    """The mask times a ramp on each side, that many pixels wide, in 1/n, 2/n, ... 1."""
    mask = batched(mask)
    rows = _ramps(mask.shape[-2], top, bottom)
    columns = _ramps(mask.shape[-1], left, right)
    return mask * (rows[:, None] * columns).to(mask)


def _ramps(length: int, start: int, end: int) -> Tensor:
    """A weight for each of `length` lines.

    The ramp at the end begins at the *first* line and goes on from the last one backwards: so did the pictures that
    people have, and a workflow must give the same picture again.
    """
    weights = torch.ones(length)
    start, end = min(start, length), min(end, length)
    if start:
        weights[:start] *= torch.arange(1, start + 1) / start
    if end:
        weights[-torch.arange(end)] *= torch.arange(1, end + 1) / end
    return weights


def grow(mask: Tensor, expand: int, tapered: bool) -> Tensor:
    """Dilated by `expand` pixels, or eroded by as many below 0: as a square, or as a diamond if `tapered`."""
    mask = batched(mask)
    if expand < 0:
        return -_diamond(-mask, -expand) if tapered else erode(mask, 1 - 2 * expand)
    return _diamond(mask, expand) if tapered else dilate(mask, 1 + 2 * expand)


def _diamond(mask: Tensor, rounds: int) -> Tensor:
    """The greatest value within `rounds` steps to a side, up or down."""
    for _ in range(min(rounds, sum(mask.shape[-2:]))):
        grown = mask.clone()
        for axis in (-1, -2):
            size = mask.shape[axis] - 1
            low, high = grown.narrow(axis, 0, size), grown.narrow(axis, 1, size)
            torch.maximum(low, mask.narrow(axis, 1, size), out=low)
            torch.maximum(high, mask.narrow(axis, 0, size), out=high)
        if torch.equal(grown, mask):
            break
        mask = grown
    return mask


def _bits(a: Tensor) -> Tensor:
    return a.round().bool()


OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "multiply": lambda a, b: a * b,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "and": lambda a, b: (_bits(a) & _bits(b)).to(a),
    "or": lambda a, b: (_bits(a) | _bits(b)).to(a),
    "xor": lambda a, b: (_bits(a) ^ _bits(b)).to(a),
}


def combine(destination: Tensor, source: Tensor, x: int, y: int, operation: str) -> Tensor:
    """destination with operation(destination, source) where the source, put at (x, y), covers it; cut to 0..1.

    The source is not resized; what overhangs is cut off. Its batch is 1 or the destination's.
    """
    destination, source = batched(destination), batched(source).to(destination)
    if len(source) not in (1, len(destination)):
        raise ValueError(
            f"the source holds {len(source)} masks and the destination {len(destination)}: give as many, or one"
        )
    rows, source_rows = overlap(y, source.shape[-2], destination.shape[-2])
    columns, source_columns = overlap(x, source.shape[-1], destination.shape[-1])
    result = destination.clone()
    part = result[:, rows, columns]
    part.copy_(OPERATIONS[operation](part, source[:, source_rows, source_columns]))
    return result.clamp_(0, 1)
