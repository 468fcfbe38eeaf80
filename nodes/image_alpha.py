"""Nodes that composite pictures and handle their alpha channel."""

from __future__ import annotations

from typing import Annotated, Literal

import diffusion
from executor.node import Range, Widget, node
from nodes.image_size import Side
from nodes.image_transform import ImageAndMask
from nodes.sockets import Image, Mask

Operator = Literal[
    "ADD",
    "CLEAR",
    "DARKEN",
    "DST",
    "DST_ATOP",
    "DST_IN",
    "DST_OUT",
    "DST_OVER",
    "LIGHTEN",
    "MULTIPLY",
    "OVERLAY",
    "SCREEN",
    "SRC",
    "SRC_ATOP",
    "SRC_IN",
    "SRC_OUT",
    "SRC_OVER",
    "XOR",
]


@node("ImageCompositeMasked", category="image")
def image_composite_masked(
    *,
    destination: Image,
    source: Image,
    x: Side = 0,
    y: Side = 0,
    resize_source: Annotated[bool, "Stretch the source over the whole destination."] = False,
    mask: Annotated[Mask, "1 shows the source. It is resized to the source."] | None = None,
) -> Image:
    """Paste one picture into another, through a mask."""
    source = diffusion.alpha.same_channels(destination, source).movedim(-1, 1)
    pasted = diffusion.composite.composite(destination.movedim(-1, 1), source, x, y, mask, resize_source=resize_source)
    return pasted.movedim(1, -1)


@node("PorterDuffImageComposite", category="mask/compositing", display_name="Porter-Duff Image Composite")
def porter_duff_image_composite(
    *,
    source: Image,
    source_alpha: Mask,
    destination: Image,
    destination_alpha: Mask,
    mode: Operator = "DST",
) -> ImageAndMask:
    """Composite two pictures by their masks (0 is opaque), by one of the Porter-Duff rules."""
    return ImageAndMask(*diffusion.alpha.porter_duff(source, source_alpha, destination, destination_alpha, mode))


@node("SplitImageWithAlpha", category="mask/compositing", display_name="Split Image with Alpha")
def split_image_with_alpha(*, image: Image) -> ImageAndMask:
    """The colours of pictures, and their alpha channel as a mask (1 is transparent)."""
    return ImageAndMask(*diffusion.alpha.split(image))


@node("JoinImageWithAlpha", category="mask/compositing", display_name="Join Image with Alpha")
def join_image_with_alpha(*, image: Image, alpha: Mask) -> Image:
    """Give pictures an alpha channel from a mask (1 is transparent)."""
    return diffusion.alpha.join(image, alpha)


@node("ImageColorToMask", category="mask")
def image_color_to_mask(
    *,
    image: Image,
    color: Annotated[int, Range(0, 0xFFFFFF, step=1), Widget(display="color"), "As a number: 0xRRGGBB."] = 0,
) -> Mask:
    """A mask of the pixels that have exactly one colour."""
    return diffusion.colors.mask_of(image, color)
