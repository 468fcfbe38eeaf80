"""Blur and sharpen: (b, c, h, w) tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from diffusion.resample import require_pixels


def gaussian(radius: int, sigma: float) -> Tensor:
    """A kernel of 2 radius + 1 weights that sum to 1; sigma counts in radii, not in pixels."""
    weights = torch.exp(-(torch.linspace(-1, 1, 2 * radius + 1, dtype=torch.float64) ** 2) / (2 * sigma**2))
    return (weights / weights.sum()).float()


def blur(x: Tensor, radius: int, sigma: float) -> Tensor:
    """x (b, c, h, w) blurred by `gaussian` along both axes; beyond the border the picture is mirrored."""
    require_pixels(x)
    if radius >= min(x.shape[-2:]):
        raise ValueError(
            f"a blur radius of {radius} needs a picture larger than {radius} pixels on both sides, "
            f"not {x.shape[-1]} x {x.shape[-2]}; choose a smaller radius"
        )
    return separable(x, gaussian(radius, sigma))


def separable(x: Tensor, kernel: Tensor) -> Tensor:
    """x (b, c, h, w) correlated with an odd kernel along the rows and the columns, mirrored at the border."""
    radius = len(kernel) // 2
    flat = x.flatten(0, 1)[:, None]  # (b c) 1 h w
    flat = functional.pad(flat, [radius] * 4, mode="reflect")
    kernel = kernel.to(flat)
    flat = functional.conv2d(functional.conv2d(flat, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
    return flat.view_as(x)


def sharpen(x: Tensor, radius: int, sigma: float, amount: float) -> Tensor:
    """Unsharp mask: x plus 10 `amount` times what a blur takes away. Not cut to 0..1."""
    return x + 10 * amount * (x - blur(x, radius, sigma))
