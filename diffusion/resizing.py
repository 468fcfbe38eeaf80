"""Pictures (b, h, w, c) or masks (b, h, w) of a new size, in any of several ways."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from diffusion import images

Size = tuple[int, int]  # width, height


def resized(x: Tensor, way: str, method: str, *, crop: str = "disabled", **options: Any) -> Tensor:
    """x as large as a key of WAYS says. crop: center, to keep the aspect ratio. Raises ValueError for an empty size."""
    picture = x if x.dim() == 4 else x.reshape(-1, *x.shape[-2:], 1)
    old = picture.shape[2], picture.shape[1]
    width, height = WAYS[way](old, options)
    if width < 1 or height < 1:
        raise ValueError(f"{way} gives {width} x {height} pixels, which is no picture: give larger numbers")
    if way == "scale to multiple":
        made = images.crop(picture, (old[0] - width) // 2, (old[1] - height) // 2, width, height)
    else:
        made = images.scale(picture, width, height, method, crop)
    return made if x.dim() == 4 else made[..., 0]


def _dimensions(old: Size, options: Mapping[str, Any]) -> Size:
    width, height = options["width"], options["height"]
    if not width and not height:
        return old
    return width or max(1, round(old[0] * height / old[1])), height or max(1, round(old[1] * width / old[0]))


def _by(old: Size, factor: float) -> Size:
    return max(1, round(old[0] * factor)), max(1, round(old[1] * factor))


def _side(size: int, old: int, whole: Size) -> Size:
    """The picture at the scale at which a side of `old` pixels has `size`."""
    return _by(whole, size / old) if size > 0 else (0, 0)


def _match(old: Size, options: Mapping[str, Any]) -> Size:
    other: Tensor | None = options["match"]
    if other is None:
        raise ValueError("resize_type is match size, and nothing is linked to match")
    return (other.shape[2], other.shape[1]) if other.dim() == 4 else (other.shape[-1], other.shape[-2])


WAYS: dict[str, Callable[[Size, Mapping[str, Any]], Size]] = {
    "scale dimensions": _dimensions,
    "scale by multiplier": lambda old, o: _by(old, o["multiplier"]),
    "scale longer dimension": lambda old, o: _side(o["longer_size"], max(old), old),
    "scale shorter dimension": lambda old, o: _side(o["shorter_size"], min(old), old),
    "scale width": lambda old, o: _side(o["width"], old[0], old),
    "scale height": lambda old, o: _side(o["height"], old[1], old),
    "scale total pixels": lambda old, o: _by(old, math.sqrt(int(o["megapixels"] * 1024 * 1024) / (old[0] * old[1]))),
    "match size": _match,
    "scale to multiple": lambda old, o: (old[0] - old[0] % o["multiple"], old[1] - old[1] % o["multiple"]),
}
