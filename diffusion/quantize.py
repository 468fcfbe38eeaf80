"""Few colours: a palette of a picture's own, with or without dithering. Works on bytes, through Pillow."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from torch import Tensor

from diffusion.resample import from_bytes, require_pixels, to_bytes


def quantize(image: Tensor, colors: int, dither: str) -> Tensor:
    """image (b, h, w, 3) in 0..1 with at most `colors` colours each, found by median cut.

    dither: `none`, `floyd-steinberg` (error diffusion), or `bayer-N` (ordered, by an N x N threshold matrix).
    """
    require_pixels(image)
    if image.shape[-1] != 3:
        raise ValueError(
            f"colours are reduced in pictures of 3 channels, not {image.shape[-1]}; split the alpha off first"
        )
    return from_bytes(np.stack([_quantize(i, colors, dither) for i in to_bytes(image)])).to(image)


def _quantize(pixels: np.ndarray, colors: int, dither: str) -> np.ndarray:
    picture = Pillow.fromarray(pixels)
    palette = picture.quantize(colors)
    method = Pillow.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Pillow.Dither.NONE
    if dither.startswith("bayer-"):
        entries = len(palette.getpalette() or ()) // 3
        picture = Pillow.fromarray(_ordered(pixels, int(dither.removeprefix("bayer-")), 512 / entries))
    return np.asarray(picture.quantize(colors, palette=palette, dither=method).convert("RGB"))


def _ordered(pixels: np.ndarray, order: int, spread: float) -> np.ndarray:
    """pixels (h, w, 3) plus the tiled threshold matrix, `spread` levels high."""
    height, width, _ = pixels.shape
    matrix = spread * bayer(order) + 0.5
    tiles = np.tile(matrix, (-(-height // order), -(-width // order)))[:height, :width]
    return (pixels + tiles[..., None]).clip(0, 255).astype(np.uint8)


def bayer(order: int) -> np.ndarray:
    """The threshold matrix of Bayer (1973) for a power of two, with values around 0 in steps of 1 / order^2."""
    matrix = np.zeros((1, 1))
    while len(matrix) < order:
        q = (2 * len(matrix)) ** 2
        matrix = np.block([[q * matrix - 1.5, q * matrix + 0.5], [q * matrix + 1.5, q * matrix - 0.5]]) / q
    return matrix
