"""Pictures for vision networks: which square of them is seen, and how sharp it is."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor
from torch.nn import functional

from diffusion.resample import from_bytes, require_pixels, to_bytes

SIDE = 224
PLACES = {"top": (0.5, 0.0), "bottom": (0.5, 1.0), "left": (0.0, 0.5), "right": (1.0, 0.5), "center": (0.5, 0.5)}
"""Where the square is, of the room that it has in x and y."""


def prepare(image: Tensor, method: str, position: str, sharpening: float) -> Tensor:
    """image (b, h, w, c) in 0..1 -> (b, SIDE, SIDE, c), in 8 bits where it is not sharpened.

    method: one of Pillow's, in capitals. position: one of PLACES, or `pad`: all of it, on a black square.
    sharpening: see `sharpened`.
    """
    require_pixels(image)
    found = padded(image) if position == "pad" else square(image, *PLACES[position])
    small = [_resized(pixels, Pillow.Resampling[method]) for pixels in to_bytes(found)]
    result = from_bytes(np.stack(small)).to(image)
    return sharpened(result.movedim(-1, 1), sharpening).movedim(1, -1) if sharpening > 0 else result


def _resized(pixels: np.ndarray, method: Pillow.Resampling) -> np.ndarray:
    return np.asarray(Pillow.fromarray(pixels).resize((SIDE, SIDE), method))


def square(image: Tensor, x: float, y: float) -> Tensor:
    """The largest square of image (b, h, w, c) at a place: 0..1 of the room that it has in either direction."""
    height, width = image.shape[1:3]
    side = min(height, width)
    top, left = int((height - side) * y), int((width - side) * x)
    return image[:, top : top + side, left : left + side]


def padded(image: Tensor) -> Tensor:
    """image (b, h, w, c) in the middle of a black square."""
    height, width = image.shape[1:3]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return functional.pad(image, (0, 0, left, side - width - left, top, side - height - top))


def sharpened(x: Tensor, amount: float) -> Tensor:
    """x (b, c, h, w) in 0..1, its edges stronger where there is room for it (FidelityFX CAS, Lottes 2019).

    amount: 0..1, from little to much.
    """
    around = functional.unfold(functional.pad(x, (1, 1, 1, 1), mode="replicate"), 3)
    each = around.unflatten(1, (x.shape[1], 9)).unflatten(-1, x.shape[2:])  # b c 9 h w
    cross = each[:, :, [1, 3, 4, 5, 7]]
    low, high = cross.amin(2) + each.amin(2), cross.amax(2) + each.amax(2)
    room = (torch.minimum(low, 2 - high) / high.clamp(min=1e-6)).clamp(0, 1).sqrt()
    weight = -room / (8 - 3 * amount)
    sides = each[:, :, [1, 3, 5, 7]].sum(2)
    return ((sides * weight + x) / (1 + 4 * weight)).clamp(0, 1)
