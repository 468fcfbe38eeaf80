"""Nodes that make and change masks."""

from __future__ import annotations

from typing import Annotated, Literal

import diffusion
from executor.node import Range, node
from nodes.image_size import FromOne, Side
from nodes.sockets import Image, Mask

Fraction = Annotated[float, Range(0.0, 1.0, step=0.01)]


@node("SolidMask", category="mask")
def solid_mask(*, value: Fraction = 1.0, width: FromOne = 512, height: FromOne = 512) -> Mask:
    """A mask of one value."""
    return diffusion.masks.solid(value, width, height)


@node("InvertMask", category="mask")
def invert_mask(*, mask: Mask) -> Mask:
    """1 becomes 0, and 0 becomes 1."""
    return 1.0 - mask


@node("CropMask", category="mask")
def crop_mask(*, mask: Mask, x: Side = 0, y: Side = 0, width: FromOne = 512, height: FromOne = 512) -> Mask:
    """Cut a rectangle out of masks."""
    return diffusion.masks.crop(mask, x, y, width, height)


@node("MaskComposite", category="mask")
def mask_composite(
    *,
    destination: Mask,
    source: Mask,
    x: Side = 0,
    y: Side = 0,
    operation: Literal["multiply", "add", "subtract", "and", "or", "xor"],
) -> Mask:
    """Combine one mask with a part of another."""
    return diffusion.masks.combine(destination, source, x, y, operation)


@node("FeatherMask", category="mask")
def feather_mask(*, mask: Mask, left: Side = 0, top: Side = 0, right: Side = 0, bottom: Side = 0) -> Mask:
    """Let masks fade out towards their sides."""
    return diffusion.masks.feather(mask, left, top, right, bottom)


@node("GrowMask", category="mask")
def grow_mask(
    *,
    mask: Mask,
    expand: Annotated[int, Range(-16384, 16384, step=1), "In pixels; below 0 the mask shrinks."] = 0,
    tapered_corners: Annotated[bool, "Grow as a diamond instead of a square."] = True,
) -> Mask:
    """Make masks larger or smaller."""
    return diffusion.masks.grow(mask, expand, tapered_corners)


@node("ThresholdMask", category="mask")
def threshold_mask(*, mask: Mask, value: Fraction = 0.5) -> Mask:
    """1 where the mask is greater than the value, else 0."""
    return diffusion.masks.threshold(mask, value)


@node("MaskToImage", category="mask", display_name="Convert Mask to Image")
def mask_to_image(*, mask: Mask) -> Image:
    """Masks as grey pictures."""
    return diffusion.masks.to_image(mask)


@node("ImageToMask", category="mask", display_name="Convert Image to Mask")
def image_to_mask(*, image: Image, channel: Literal["red", "green", "blue", "alpha"]) -> Mask:
    """One channel of pictures as masks."""
    return diffusion.masks.from_image(image, channel)
