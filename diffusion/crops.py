"""Painting around a mask at a size that suits the model: cut the place out, and put what became of it back.

Pictures are (b, h, w, c) in 0..1, masks (b, h, w).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from diffusion.inpainting import dilate
from diffusion.regions import batched

ALGORITHMS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")


class Rect(NamedTuple):
    """A rectangle of pixels; its ends are not in it, and it may reach beyond the picture."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


@dataclass(frozen=True, eq=False)
class Stitcher:
    """Where crops came from. rects: one for each picture, or one for all."""

    images: Tensor  # b h w c
    blend: Tensor  # b h w, how much of what was painted is taken
    rects: tuple[Rect, ...]
    down: str
    up: str

    @property
    def nbytes(self) -> int:
        return self.images.nbytes + self.blend.nbytes

    def stitch(self, painted: Tensor) -> Tensor:
        """The whole pictures with `painted` (b, h, w, c) in them; beyond the mask they stay as they are."""
        if len(painted) % len(self.images):
            raise ValueError(f"{len(painted)} pictures cannot be put back where {len(self.images)} were cut out")
        images, blend = (t.repeat(len(painted) // len(t), *[1] * (t.dim() - 1)) for t in (self.images, self.blend))
        whole = images.clone()
        for i, picture in enumerate(painted):
            rect = self.rects[i % len(self.rects)]
            sized = resize(picture[None, ..., : whole.shape[-1]], rect.width, rect.height, self.down, self.up)[0]
            inner = _within(rect, whole)
            part = sized[inner.top - rect.top :, inner.left - rect.left :][: inner.height, : inner.width]
            at = (i, slice(inner.top, inner.bottom), slice(inner.left, inner.right))
            weight = blend[at][..., None]
            whole[at] = torch.where(weight > 0, whole[at] + (part.to(whole) - whole[at]) * weight, whole[at])
        return whole


@dataclass(frozen=True)
class Where:
    """What a crop holds.

    extend: how many times as large as the marked box it is. blend: over how many pixels around the mask the painted
    part fades into the old one; the crop holds them all. target: its (width, height), so that it has this aspect;
    None: as large as it is. multiple: its sides are multiples of this.
    """

    extend: float = 1.0
    blend: int = 0
    target: tuple[int, int] | None = None
    multiple: int = 1


def crop(
    images: Tensor, mask: Tensor, context: Tensor | None, where: Where, down: str, up: str
) -> tuple[Stitcher, Tensor, Tensor]:
    """The places that a mask marks, with what is around them: how to put them back, their pictures and their masks.

    context: marks what else is to be in the crop. What lies outside of a picture continues its edge.
    """
    images, mask = together(images, mask)
    faded = _faded(mask, where.blend)
    marked = faded if context is None else torch.maximum(faded, _like(context, images))
    boxes = [_box(m) for m in marked] if where.target else [_box(marked.amax(0))]
    size = where.target and (_up_to(where.target[0], where.multiple), _up_to(where.target[1], where.multiple))
    rects = tuple(_grown(box, where.extend, size, where.multiple, images) for box in boxes)
    cuts = [_cut(images, mask, i, rects[i % len(rects)]) for i in range(len(images))]
    if size:
        cuts = [(resize(p, *size, down, up), resize(m[..., None], *size, down, up)[..., 0]) for p, m in cuts]
    pictures, masks = (torch.cat(parts) for parts in zip(*cuts, strict=True))
    return Stitcher(images, faded, rects, down, up), pictures, masks


def together(images: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """As many pictures as masks, of one size: a single one of either goes with all of the others."""
    mask = _like(mask, images)
    return batched(images, len(mask)), mask


def _like(mask: Tensor, images: Tensor) -> Tensor:
    """A mask of any size, (h, w) or (b, h, w), as large and as many as the pictures; more masks stay as many."""
    mask = mask.reshape(-1, *mask.shape[-2:]).to(images)
    if mask.shape[1:] != images.shape[1:3]:
        mask = functional.interpolate(mask[:, None], size=images.shape[1:3], mode="bilinear")[:, 0]
    return batched(mask, max(len(mask), len(images)))


def _faded(mask: Tensor, pixels: int) -> Tensor:
    """1 on the mask, falling to 0 at a distance of `pixels`."""
    reach = math.ceil(pixels / 2)
    if not reach:
        return mask
    grown = dilate(mask[:, None], 2 * (pixels - reach) + 1)
    kernel = torch.softmax(-torch.arange(-reach, reach + 1.0).square() / (2 * (reach / 2.5) ** 2), 0).to(mask)
    for shape in ((1, 1, 1, -1), (1, 1, -1, 1)):
        sides = (reach, reach, 0, 0) if shape[-1] == -1 else (0, 0, reach, reach)
        grown = functional.conv2d(functional.pad(grown, sides, "replicate"), kernel.view(shape))
    return torch.maximum(grown[:, 0], mask).clamp(0, 1)


def _box(mask: Tensor) -> Rect:
    """The smallest box around what is marked; all of an empty mask."""
    rows, columns = (mask.amax(axis).nonzero().flatten() for axis in (1, 0))
    if not len(rows):
        return Rect(0, mask.shape[0], 0, mask.shape[1])
    return Rect(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _grown(box: Rect, extend: float, target: tuple[int, int] | None, multiple: int, images: Tensor) -> Rect:
    """The box with its context, of the target's aspect or of sides that are multiples; in the picture if it fits."""
    height, width = (
        min(round(n * extend), side) for n, side in zip((box.height, box.width), images.shape[1:3], strict=True)
    )
    height, width = max(height, box.height), max(width, box.width)
    if target:
        aspect = target[0] / target[1]
        height, width = max(height, math.ceil(width / aspect)), max(width, math.ceil(height * aspect))
    else:
        height, width = _up_to(height, multiple), _up_to(width, multiple)
    top = _placed(box.top, box.bottom, height, images.shape[1])
    left = _placed(box.left, box.right, width, images.shape[2])
    return Rect(top, top + height, left, left + width)


def _placed(start: int, end: int, length: int, side: int) -> int:
    """Where a length begins that has start..end in its middle and does not leave 0..side without need."""
    first = (start + end - length) // 2
    return (side - length) // 2 if length > side else min(max(first, 0), side - length)


def _up_to(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple if multiple > 1 else length


def _within(rect: Rect, images: Tensor) -> Rect:
    height, width = images.shape[1:3]
    return Rect(max(rect.top, 0), min(rect.bottom, height), max(rect.left, 0), min(rect.right, width))


def _cut(images: Tensor, mask: Tensor, i: int, rect: Rect) -> tuple[Tensor, Tensor]:
    """One picture (1, h, w, c) and its mask (1, h, w); beyond the edge the picture continues, and the mask is empty."""
    inner = _within(rect, images)
    at = (slice(i, i + 1), slice(inner.top, inner.bottom), slice(inner.left, inner.right))
    beyond = inner.left - rect.left, rect.right - inner.right, inner.top - rect.top, rect.bottom - inner.bottom
    picture = functional.pad(images[at].movedim(-1, 1), beyond, "replicate").movedim(1, -1)
    return picture, functional.pad(mask[at], beyond)


# --- what is done before the cut -----------------------------------------------------------------


def resize(images: Tensor, width: int, height: int, down: str, up: str) -> Tensor:
    """images (b, h, w, c) -> (b, height, width, c) in 0..1; `down` where pixels become fewer, else `up`."""
    if images.shape[1:3] == (height, width):
        return images
    algorithm = down if width * height < images.shape[1] * images.shape[2] else up
    filter_ = getattr(Image.Resampling, algorithm.upper())
    planes = images.detach().float().cpu().movedim(-1, 1)
    sized = [
        [np.asarray(Image.fromarray(plane.numpy()).resize((width, height), filter_)) for plane in picture]
        for picture in planes
    ]
    return torch.from_numpy(np.array(sized)).movedim(1, -1).clamp(0, 1).to(images)


def bounded(size: tuple[int, int], least: tuple[int, int], most: tuple[int, int]) -> tuple[int, int]:
    """A size (width, height) scaled up to `least` on both sides, then down to `most`; its aspect stays."""
    factor = max(1.0, *(small / n for small, n in zip(least, size, strict=True)))
    factor = min(factor, *(large / n for large, n in zip(most, size, strict=True)))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def fill_holes(mask: Tensor) -> Tensor:
    """mask (b, h, w): what is enclosed takes the least value of the lightest ring around it, in 256 steps of grey."""
    filled: list[np.ndarray] = []
    for item in mask.detach().float().cpu().numpy():
        levels = np.unique((item * 255).round() / 255)
        out = item.copy()
        for level in levels[levels > 0]:
            holes = ndimage.binary_fill_holes(item >= level - 1 / 510)
            out = np.maximum(out, np.float32(level) * holes)
        filled.append(out)
    return torch.from_numpy(np.stack(filled)).to(mask)


def shaped(mask: Tensor, least: float, expand: int, *, fill: bool, invert: bool) -> Tensor:
    """mask (b, h, w) without its values below `least`, its holes filled, grown by `expand` pixels, inverted."""
    mask = torch.where(mask < least, 0.0, mask)
    mask = fill_holes(mask) if fill else mask
    mask = dilate(mask[:, None], 2 * expand + 1)[:, 0]
    return 1 - mask if invert else mask


def outpaint(images: Tensor, mask: Tensor, factors: Sequence[float], marked: float = 1.0) -> tuple[Tensor, Tensor]:
    """Pictures and masks with more at their top, bottom, left and right: factor 2 as much again, 0.75 a quarter less.

    What is new continues the edge and is masked by `marked`.
    """
    height, width = images.shape[1:3]
    top, bottom, left, right = (
        round(side * (factor - 1)) for side, factor in zip((height, height, width, width), factors, strict=True)
    )
    if height + top + bottom < 1 or width + left + right < 1:
        raise ValueError("nothing is left of the picture; choose larger factors")
    rect = Rect(-top, height + bottom, -left, width + right)
    cuts = [_cut(images, mask, i, rect) for i in range(len(images))]
    pictures, masks = (torch.cat(parts) for parts in zip(*cuts, strict=True))
    old = _within(rect, images)
    new = torch.full_like(masks, marked)
    new[:, old.top - rect.top : old.bottom - rect.top, old.left - rect.left : old.right - rect.left] = 0
    return pictures, torch.maximum(masks, new)


def outpaint_all(
    images: Tensor, mask: Tensor, context: Tensor | None, factors: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The same with a mask of the context, which marks nothing of what is new."""
    pictures, masks = outpaint(images, mask, factors)
    wider = None if context is None else outpaint(*together(images, context), factors, marked=0.0)[1]
    return pictures, masks, wider
