"""Edges: J. Canny, "A Computational Approach to Edge Detection" (1986)."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from diffusion.colors import luminance
from diffusion.filters import separable
from diffusion.resample import require_pixels

# The neighbour (rows down, columns right) that lies at each multiple of 45 degrees.
NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def edges(image: Tensor, low: float, high: float) -> Tensor:
    """image (b, h, w, c) in 0..1 -> (b, h, w), 1 on an edge.

    An edge is a ridge of the gradient, one pixel wide, above `low`, that is somewhere above `high`.
    """
    require_pixels(image)
    if low > high:
        raise ValueError(f"low_threshold {low} is above high_threshold {high}; exchange them")
    if min(image.shape[1:3]) < 3:
        raise ValueError(f"edges need a picture of at least 3 x 3 pixels, not {image.shape[2]} x {image.shape[1]}")
    grey = luminance(image) if image.shape[-1] >= 3 else image[..., 0]
    ramp = torch.arange(-2.0, 3.0)
    smooth = separable(grey[:, None], torch.softmax(-(ramp**2) / 2, 0))  # b 1 h w
    magnitude = _ridges(*_sobel(smooth))
    return _connected(magnitude > low, magnitude > high).to(image)


def _sobel(x: Tensor) -> tuple[Tensor, Tensor]:
    """The horizontal and the vertical gradient of x (b, 1, h, w), not normalised."""
    kernel = x.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    padded = functional.pad(x, [1] * 4, mode="replicate")
    both = functional.conv2d(padded, torch.stack((kernel, kernel.T))[:, None])
    return both[:, 0], both[:, 1]


def _ridges(dx: Tensor, dy: Tensor) -> Tensor:
    """The gradient's magnitude (b, h, w), 0 where a neighbour along the gradient, to 45 degrees, is as large."""
    magnitude = torch.sqrt(dx**2 + dy**2 + 1e-6)
    direction = torch.round(torch.atan2(dy, dx) * (4 / math.pi)).long() % 8
    around = functional.pad(magnitude, [1] * 4)
    height, width = magnitude.shape[-2:]
    all_around = torch.stack([around[:, 1 + y :, 1 + x :][:, :height, :width] for y, x in NEIGHBOURS])  # 8 b h w
    ahead = all_around.gather(0, direction[None])[0]
    behind = all_around.gather(0, (direction[None] + 4) % 8)[0]
    return torch.where((magnitude > ahead) & (magnitude > behind), magnitude, 0)


def _connected(weak: Tensor, strong: Tensor) -> Tensor:
    """The weak pixels (b, h, w) that hang together, corners included, with a strong one."""
    return torch.from_numpy(
        np.stack([_touched(w, s) for w, s in zip(weak.cpu().numpy(), strong.cpu().numpy(), strict=True)])
    )


def _touched(weak: np.ndarray, strong: np.ndarray) -> np.ndarray:
    labels, count = cast("tuple[np.ndarray, int]", ndimage.label(weak, structure=np.ones((3, 3))))
    kept = np.zeros(count + 1, bool)
    kept[labels[strong]] = True
    return kept[labels]
