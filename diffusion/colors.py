"""Colours: packed integers (0xRRGGBB), and the luminance and colour differences of a picture (b, h, w, c)."""

from __future__ import annotations

import torch
from torch import Tensor

LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
BLUE_DIFFERENCE, RED_DIFFERENCE = 0.564, 0.713


def unpack(color: int) -> tuple[int, int, int]:
    """0xRRGGBB -> red, green and blue, each in 0..255."""
    return color >> 16 & 255, color >> 8 & 255, color & 255


def plain(width: int, height: int, batch: int, color: int) -> Tensor:
    """Pictures (batch, height, width, 3) of one colour."""
    return (torch.tensor(unpack(color)) / 255).repeat(batch, height, width, 1)


def mask_of(image: Tensor, color: int) -> Tensor:
    """1 where the picture, rounded to bytes, has exactly this colour: (b, h, w)."""
    if image.shape[-1] < 3:
        raise ValueError(f"a colour is sought in a picture of {image.shape[-1]} channels; it needs 3")
    levels = (image[..., :3].clamp(0, 1) * 255).round()
    return (levels == levels.new_tensor(unpack(color))).all(dim=-1).float()


def luminance(image: Tensor) -> Tensor:
    """image (b, h, w, 3 or more) -> (b, h, w)"""
    red, green, blue = image[..., :3].unbind(-1)
    return LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue


def to_yuv(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Luminance and the two colour differences (0.5 is no colour), each as a grey picture (b, h, w, 3)."""
    y = luminance(image)
    u = (image[..., 2] - y) * BLUE_DIFFERENCE + 0.5
    v = (image[..., 0] - y) * RED_DIFFERENCE + 0.5
    return grey(y), grey(u), grey(v)


def grey(x: Tensor) -> Tensor:
    """(b, h, w) -> (b, h, w, 3) with three equal channels."""
    return x[..., None].repeat(1, 1, 1, 3)


def from_yuv(y: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """The inverse of `to_yuv`, cut to 0..1, from the mean over the channels of each picture."""
    y, u, v = y.mean(dim=-1), u.mean(dim=-1) - 0.5, v.mean(dim=-1) - 0.5
    red = y + v / RED_DIFFERENCE
    blue = y + u / BLUE_DIFFERENCE
    green = (y - LUMINANCE[0] * red - LUMINANCE[2] * blue) / LUMINANCE[1]
    return torch.stack((red, green, blue), dim=-1).clamp(0, 1)
