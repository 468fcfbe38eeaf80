"""Erosion, dilation and what is made of them, with a flat square; what lies beyond the border is ignored."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from diffusion.resample import require_pixels


def erode(x: Tensor, size: int) -> Tensor:
    """The least of the size x size square around each element of x (..., h, w); an even one reaches up and left."""
    return _filter(x, size, ndimage.minimum_filter1d, np.inf, origin=0)


def dilate(x: Tensor, size: int) -> Tensor:
    """The greatest of the size x size square; an even one reaches down and right, so that closing shifts nothing."""
    return _filter(x, size, ndimage.maximum_filter1d, -np.inf, origin=0 if size % 2 else -1)


def _filter(x: Tensor, size: int, extreme: Callable[..., np.ndarray], outside: float, origin: int) -> Tensor:
    require_pixels(x)
    # Van Herk's running extremes, in time independent of the size
    array = x.detach().float().cpu().numpy()
    for axis in (-1, -2):
        array = extreme(array, size, axis=axis, mode="constant", cval=outside, origin=origin)
    return torch.from_numpy(array).to(x)


def opening(x: Tensor, size: int) -> Tensor:
    """Without the bright spots that are smaller than the square."""
    return dilate(erode(x, size), size)


def closing(x: Tensor, size: int) -> Tensor:
    """Without the dark spots that are smaller than the square."""
    return erode(dilate(x, size), size)


OPERATIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "erode": erode,
    "dilate": dilate,
    "open": opening,
    "close": closing,
    "gradient": lambda x, size: dilate(x, size) - erode(x, size),
    "bottom_hat": lambda x, size: closing(x, size) - x,
    "top_hat": lambda x, size: x - opening(x, size),
}
