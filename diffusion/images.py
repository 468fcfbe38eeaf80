"""Pictures as (b, h, w, c) tensors, values nominally in 0..1: size, shape and batch. No function changes its input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from diffusion.resample import resize

# The sizes that FLUX.1 Kontext was trained on, as (width, height).
KONTEXT_SIZES = (
    (672, 1568),
    (688, 1504),
    (720, 1456),
    (752, 1392),
    (800, 1328),
    (832, 1248),
    (880, 1184),
    (944, 1104),
    (1024, 1024),
    (1104, 944),
    (1184, 880),
    (1248, 832),
    (1328, 800),
    (1392, 752),
    (1456, 720),
    (1504, 688),
    (1568, 672),
)


# --- size ----------------------------------------------------------------------------------------


def scale(image: Tensor, width: int, height: int, method: str, crop: str = "disabled") -> Tensor:
    """Resized to width x height pixels (see `resample.resize`); a 0 follows from the other side, two change nothing."""
    if width == 0 and height == 0:
        return image
    old_height, old_width = image.shape[1:3]
    width = width or max(1, round(old_width * height / old_height))
    height = height or max(1, round(old_height * width / old_width))
    return resize(image.movedim(-1, 1), width, height, method, crop).movedim(1, -1)


def scale_by(image: Tensor, factor: float, method: str) -> Tensor:
    """Both sides times `factor`, rounded to whole pixels, at least 1."""
    height, width = image.shape[1:3]
    return scale(image, max(1, round(width * factor)), max(1, round(height * factor)), method)


def scale_to_megapixels(image: Tensor, megapixels: float, method: str) -> Tensor:
    """As many pixels as `megapixels` * 1024 * 1024, as nearly as whole sides allow."""
    height, width = image.shape[1:3]
    return scale_by(image, math.sqrt(int(megapixels * 1024 * 1024) / (width * height)), method)


def scale_longer_side(image: Tensor, size: int, method: str) -> Tensor:
    """The longer side becomes `size` pixels, the other follows."""
    if size < 1:
        raise ValueError(f"a longer side of {size} pixels leaves no picture; it must be at least 1")
    height, width = image.shape[1:3]
    if height > width:
        return scale(image, max(1, round(width / height * size)), size, method)
    return scale(image, size, max(1, round(height / width * size)), method)


def scale_for_kontext(image: Tensor) -> Tensor:
    """Resized and cropped to the training size of FLUX.1 Kontext whose aspect ratio is the nearest."""
    height, width = image.shape[1:3]
    size = min(KONTEXT_SIZES, key=lambda s: (abs(width / height - s[0] / s[1]), s))
    return scale(image, *size, "lanczos", "center")


def fit(image: Tensor, width: int, height: int, fill: float, method: str) -> Tensor:
    """The whole picture inside width x height pixels, centred, the rest being `fill`."""
    old_height, old_width = image.shape[1:3]
    ratio = min(width / old_width, height / old_height)
    inner = scale(image, max(1, int(old_width * ratio)), max(1, int(old_height * ratio)), method)
    return pad_to(inner, width, height, fill)


def pad_to(image: Tensor, width: int, height: int, fill: float) -> Tensor:
    """The picture in the middle of width x height pixels of `fill`; an odd rest goes to the right and the bottom."""
    spare_y, spare_x = height - image.shape[1], width - image.shape[2]
    left, top = spare_x // 2, spare_y // 2
    return functional.pad(image, (0, 0, left, spare_x - left, top, spare_y - top), value=fill)


def pad_for_outpainting(
    image: Tensor, left: int, top: int, right: int, bottom: int, feathering: int
) -> tuple[Tensor, Tensor]:
    """The picture with a grey border, and its mask (1, h, w): 1 in the border, fading out into the picture.

    feathering: over how many pixels, from the sides that got a border; none if the picture is not twice as large.
    """
    _, height, width, _ = image.shape
    padded = functional.pad(image, (0, 0, left, right, top, bottom), value=0.5)
    inside = image.new_zeros(height, width, dtype=torch.float32)
    if feathering and 2 * feathering < height and 2 * feathering < width:
        rows = _border_distance(height, top > 0, bottom > 0)
        columns = _border_distance(width, left > 0, right > 0)
        distance = torch.minimum(rows[:, None], columns).to(inside)  # h w
        inside = ((feathering - distance) / feathering).clamp(min=0) ** 2
    return padded, functional.pad(inside, (left, right, top, bottom), value=1.0)[None]


def _border_distance(length: int, start: bool, end: bool) -> Tensor:
    """How far each of `length` lines lies from the nearest of the chosen ends; infinity without one."""
    line = torch.arange(length, dtype=torch.float32)
    far = torch.full((length,), math.inf)
    return torch.minimum(line if start else far, length - line if end else far)


# --- shape ---------------------------------------------------------------------------------------


def crop(image: Tensor, x: int, y: int, width: int, height: int) -> Tensor:
    """The part of width x height pixels at (x, y): the corner is pulled inside, what then overhangs is cut off."""
    if x < 0 or y < 0:
        raise ValueError(f"the corner ({x}, {y}) lies outside the picture; x and y must be at least 0")
    x, y = min(x, image.shape[2] - 1), min(y, image.shape[1] - 1)
    return image[:, y : y + height, x : x + width].clone()


def flip(image: Tensor, axis: str) -> Tensor:
    """Mirrored at the horizontal axis (`x`: rows reversed) or the vertical one (`y`: columns reversed)."""
    return image.flip({"x": 1, "y": 2}[axis])


def rotate(image: Tensor, quarters: int) -> Tensor:
    """Turned clockwise by `quarters` right angles."""
    return torch.rot90(image, quarters, (2, 1)).contiguous()


# --- batch ---------------------------------------------------------------------------------------


def batch(first: Tensor, second: Tensor) -> Tensor:
    """Both batches in one; the second is resized and cropped to the size of the first."""
    if first.shape[-1] != second.shape[-1]:
        raise ValueError(
            f"image1 has {first.shape[-1]} channels and image2 {second.shape[-1]}: one batch needs the same number; "
            "split or join the alpha channel of one of them first"
        )
    if first.shape[1:] != second.shape[1:]:
        second = scale(second, first.shape[2], first.shape[1], "bilinear", "center")
    return torch.cat((first, second.to(first)))


def repeat(image: Tensor, amount: int) -> Tensor:
    """The whole batch `amount` times."""
    return image.repeat(amount, 1, 1, 1)


def from_batch(image: Tensor, index: int, length: int) -> Tensor:
    """`length` pictures from `index` on, as far as the batch has them; an index past the end means the last one."""
    if index < 0:
        raise ValueError(f"batch_index {index} is negative; pictures are counted from 0")
    index = min(index, image.shape[0] - 1)
    return image[index : index + length].clone()


def rebatch(images: Sequence[Tensor], size: int) -> list[Tensor]:
    """All pictures of all batches, in batches of `size`; the last one may be smaller."""
    shapes = {tuple(i.shape[1:]) for i in images}
    if len(shapes) > 1:
        listed = ", ".join(f"{w} x {h} with {c} channels" for h, w, c in sorted(shapes))
        raise ValueError(f"pictures of different sizes cannot share a batch: {listed}; scale them to one size first")
    return list(torch.cat(tuple(images)).split(size)) if images else []


# --- values --------------------------------------------------------------------------------------


def add_noise(image: Tensor, seed: int, strength: float) -> Tensor:
    """Plus Gaussian noise of the standard deviation `strength`, cut to 0..1. One seed gives one noise everywhere."""
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
    return (image + strength * noise.to(image)).clamp(0, 1)
