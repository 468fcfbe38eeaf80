"""Resizing of (b, c, h, w) tensors: pictures, masks and latents, each method with its own rule of where samples lie."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor
from torch.nn import functional

METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos", "bislerp")
CROPS = ("disabled", "center")


def resize(x: Tensor, width: int, height: int, method: str, crop: str = "disabled") -> Tensor:
    """x (b, c, h, w) or (b, c, t, h, w), resized to `height` and `width`; frames are resized one by one.

    method: `nearest-exact`, `bilinear`, `area` (average), `bicubic` (a = -0.75, may overshoot), `lanczos` (8 bits,
    values in 0..1, 3 or 4 channels), `bislerp` (directions and lengths of the channel vectors apart, for latents).
    crop: `center` first cuts the source to the aspect ratio of the target.
    """
    if width < 1 or height < 1:
        raise ValueError(f"cannot resize to {width} x {height} pixels: width and height must be at least 1")
    if method not in METHODS:
        raise ValueError(f"unknown resize method {method!r}; known are {', '.join(METHODS)}")
    if crop not in CROPS:
        raise ValueError(f"unknown crop {crop!r}; known are {', '.join(CROPS)}")
    require_pixels(x)
    if x.ndim == 5:
        frames = x.transpose(1, 2)  # b t c h w
        small = resize(frames.flatten(0, 1), width, height, method, crop)  # (b t) c h w
        return small.unflatten(0, frames.shape[:2]).transpose(1, 2)
    if crop == "center":
        x = center_crop(x, width / height)
    match method:
        case "lanczos":
            return lanczos(x, width, height)
        case "bislerp":
            return bislerp(x, width, height)
        case _:
            return functional.interpolate(x, size=(height, width), mode=method)


def require_pixels(x: Tensor) -> None:
    """Raise if x holds no picture, or pictures without pixels."""
    if 0 in x.shape:
        raise ValueError(f"the picture is empty: its shape is {tuple(x.shape)}")


def center_crop(x: Tensor, aspect: float) -> Tensor:
    """The middle of x (..., h, w) with the ratio `aspect` of width to height.

    Both sides lose the same number of pixels, so the result may be one pixel off the exact ratio.
    """
    height, width = x.shape[-2:]
    old = width / height
    left = _cut(width, width * (aspect / old)) if old > aspect else 0
    top = _cut(height, height * (old / aspect)) if old < aspect else 0
    return x[..., top : height - top, left : width - left]


def _cut(length: int, wanted: float) -> int:
    """How many lines to cut from either end of `length`, leaving at least one."""
    return min(round((length - wanted) / 2), (length - 1) // 2)


def lanczos(x: Tensor, width: int, height: int) -> Tensor:
    """Pillow's Lanczos filter (a = 3, antialiased when shrinking) of x (b, c, h, w), values in 0..1, c = 3 or 4.

    It works on bytes, so the result lies on steps of 1/255; four channels are taken as colour with alpha.
    """
    if x.shape[1] not in (3, 4):
        raise ValueError(f"lanczos needs 3 or 4 channels, not {x.shape[1]}; choose bicubic or another method")
    small = [Pillow.fromarray(i).resize((width, height), Pillow.Resampling.LANCZOS) for i in to_bytes(x.movedim(1, -1))]
    return from_bytes(np.stack([np.asarray(i) for i in small])).movedim(-1, 1).to(x)


def to_bytes(image: Tensor) -> np.ndarray:
    """Values in 0..1 as bytes, cut off (not rounded), as pictures are saved; not-a-number becomes 0."""
    scaled = (image.detach().float().cpu() * 255).clamp(0, 255)
    return torch.nan_to_num(scaled).to(torch.uint8).contiguous().numpy()


def from_bytes(array: np.ndarray) -> Tensor:
    """Bytes as float32 in 0..1."""
    return torch.from_numpy(array).float() / 255


def bislerp(x: Tensor, width: int, height: int) -> Tensor:
    """Spherical interpolation of the channel vectors of x (b, c, h, w), along the width, then along the height."""
    x32 = _slerp_last(x.float(), width)  # b c h width
    return _slerp_last(x32.mT, height).mT.to(x.dtype)  # b c height width


def _slerp_last(x: Tensor, length: int) -> Tensor:
    """x (b, c, h, w) -> (b, c, h, length)"""
    here, after, ratio = _neighbours(x.shape[-1], length, x.device)
    return slerp(x[..., here], x[..., after], ratio)


def _neighbours(old: int, new: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each of `new` samples: the indices of the two among `old` that it lies between, and how far along."""
    ramp = torch.arange(old, dtype=torch.float32, device=device)
    both = torch.stack((ramp, (ramp + 1).clamp(max=old - 1)))  # 2 old
    both = functional.interpolate(both[:, None, None], size=(1, new), mode="bilinear")[:, 0, 0]  # 2 new
    here, after = both.long()
    return here, after, both[0] - both[0].floor()


def slerp(a: Tensor, b: Tensor, ratio: Tensor) -> Tensor:
    """From a to b (b, c, ...) along the arc between their channel vectors, with linearly interpolated length.

    Vectors of one direction give a; opposite ones have no single arc and are mixed linearly. Zero vectors stay zero.
    """
    length_a, length_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    unit_a, unit_b = _unit(a, length_a), _unit(b, length_b)
    dot = (unit_a * unit_b).sum(dim=1, keepdim=True)
    angle = torch.acos(dot.clamp(-1, 1))
    sine = torch.sin(angle)
    arc = (torch.sin((1 - ratio) * angle) * unit_a + torch.sin(ratio * angle) * unit_b) / sine
    arc = arc * (length_a * (1 - ratio) + length_b * ratio)
    arc = torch.where(dot > 1 - 1e-5, a, arc)
    return torch.where(dot < 1e-5 - 1, a * (1 - ratio) + b * ratio, arc)


def _unit(x: Tensor, length: Tensor) -> Tensor:
    return torch.where(length == 0, 0, x / length)


def repeat_to_batch(x: Tensor, batch: int) -> Tensor:
    """x (b, ...) with exactly `batch` items: the whole batch is tiled as often as needed, then cut."""
    if x.shape[0] == 0:
        raise ValueError("an empty batch cannot be repeated: an input holds no picture")
    if x.shape[0] < batch:
        x = x.repeat(-(-batch // x.shape[0]), *[1] * (x.ndim - 1))
    return x[:batch]
