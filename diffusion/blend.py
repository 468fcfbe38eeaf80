"""Mixing two pictures (b, h, w, c) by one of the blend modes of picture editors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from diffusion.alpha import same_channels
from diffusion.images import scale


def _multiply(a: Tensor, b: Tensor) -> Tensor:
    return a * b


def _screen(a: Tensor, b: Tensor) -> Tensor:
    return 1 - (1 - a) * (1 - b)


def _overlay(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(a <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b))


def _soft_light(a: Tensor, b: Tensor) -> Tensor:
    """W3C compositing: the upper picture b darkens below one half and lightens above it."""
    lighter = torch.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, a.sqrt())
    return torch.where(b <= 0.5, a - (1 - 2 * b) * a * (1 - a), a + (2 * b - 1) * (lighter - a))


def _difference(a: Tensor, b: Tensor) -> Tensor:
    """Signed, so that a darker first picture gives black."""
    return a - b


MODES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "normal": lambda a, b: b,
    "multiply": _multiply,
    "screen": _screen,
    "overlay": _overlay,
    "soft_light": _soft_light,
    "difference": _difference,
}


def blend(first: Tensor, second: Tensor, factor: float, mode: str) -> Tensor:
    """first * (1 - factor) + mode(first, second) * factor, in 0..1; the second is fitted to the first's size."""
    second = same_channels(first, second).to(first)
    if second.shape[1:3] != first.shape[1:3]:
        second = scale(second, first.shape[2], first.shape[1], "bicubic", "center")
    if len(second) not in (1, len(first)) and len(first) != 1:
        raise ValueError(f"image1 holds {len(first)} pictures and image2 {len(second)}: give the same number, or one")
    return (first * (1 - factor) + MODES[mode](first, second) * factor).clamp(0, 1)
