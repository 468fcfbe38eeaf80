"""Aspect buckets: pictures of like shape are trained together, at a size that suits their shape.

Novel AI, "Improvements on Stable Diffusion" (2022): of every width the largest height within an area.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from training.data.examples import DataError

Size = tuple[int, int]  # width, height
MOST_ASPECT = 2.0


def usual_multiple(size: int) -> int:
    """Of what sides are multiples: 64 for sizes from 256 pixels, 8 (one pixel of a latent) for smaller ones."""
    return 64 if size >= 256 else 8


def shapes(size: int, multiple: int | None = None, most_aspect: float = MOST_ASPECT) -> tuple[Size, ...]:
    """The buckets (width, height), narrowest first: multiples of `multiple`, of at most size x size pixels.

    None could be larger, and no side is more than most_aspect times the other. Raises DataError for a size that is no
    multiple.
    """
    step = _multiple(size, multiple)
    sides = range(step, int(size * most_aspect) + 1, step)
    wide = {(w, h) for w in sides if w >= size and (h := min(w, size * size // w // step * step))}
    fit = {shape for w, h in wide if w <= most_aspect * h for shape in ((w, h), (h, w))}
    best = {a for a in fit if not any(b != a and b[0] >= a[0] and b[1] >= a[1] for b in fit)}
    return tuple(sorted(best))


def assign(sizes: Sequence[Size], size: int, multiple: int | None = None, one: bool = False) -> list[Size]:
    """The bucket (width, height) whose aspect is nearest (by its logarithm) to that of each picture (width, height).

    multiple: None is the usual one. one: all get (size, size). Raises DataError for a size that is no multiple.
    """
    choice = ((size, size),) if one else shapes(size, multiple)
    _multiple(size, multiple)
    nearest = {picture: _nearest(picture, choice) for picture in set(sizes)}
    return [nearest[picture] for picture in sizes]


def _nearest(picture: Size, choice: Sequence[Size]) -> Size:
    if min(picture) < 1:
        raise DataError(f"a picture of {picture[0]} x {picture[1]} pixels has no shape; leave it out")
    wanted = math.log(picture[0] / picture[1])
    return min(choice, key=lambda shape: (abs(math.log(shape[0] / shape[1]) - wanted), -shape[0] * shape[1]))


def _multiple(size: int, multiple: int | None) -> int:
    step = usual_multiple(size) if multiple is None else multiple
    if size < 1 or step < 1 or size % step:
        near = max(step, round(size / max(step, 1)) * step)
        raise DataError(f"the size of {size} pixels is no multiple of {step}; choose {near}")
    return step
