"""Nodes that crop, pad, turn and join pictures."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import diffusion
from executor.node import Range, node
from nodes.image_size import FromOne, Side
from nodes.sockets import Image, Mask

Border = Annotated[int, Range(0, 16384, step=8)]
QUARTERS = ("none", "90 degrees", "180 degrees", "270 degrees")


class ImageAndMask(NamedTuple):
    IMAGE: Image
    MASK: Mask


@node("ImageCrop", category="image/transform", display_name="Image Crop")
def image_crop(*, image: Image, width: FromOne = 512, height: FromOne = 512, x: Side = 0, y: Side = 0) -> Image:
    """Cut a rectangle out of pictures; what lies outside the picture is left off."""
    return diffusion.images.crop(image, x, y, width, height)


@node("ImageFlip", category="image/transform")
def image_flip(*, image: Image, flip_method: Literal["x-axis: vertically", "y-axis: horizontally"]) -> Image:
    """Mirror pictures, upside down or left to right."""
    return diffusion.images.flip(image, flip_method[0])


@node("ImageRotate", category="image/transform")
def image_rotate(*, image: Image, rotation: Literal["none", "90 degrees", "180 degrees", "270 degrees"]) -> Image:
    """Turn pictures clockwise."""
    return diffusion.images.rotate(image, QUARTERS.index(rotation))


@node("ImageStitch", category="image/transform", display_name="Image Stitch")
def image_stitch(
    *,
    image1: Image,
    direction: Annotated[Literal["right", "down", "left", "up"], "Where the second picture goes."] = "right",
    match_image_size: Annotated[bool, "Resize the second picture so that the touching sides are equal."] = True,
    spacing_width: Annotated[int, Range(0, 1024, step=2), "Pixels between the pictures."] = 0,
    spacing_color: Literal["white", "black", "red", "green", "blue"] = "white",
    image2: Image | None = None,
) -> Image:
    """Put a second picture beside, above or below the first."""
    if image2 is None:
        return image1
    return diffusion.stitch.stitch(image1, image2, direction, match_image_size, spacing_width, spacing_color)


@node("ImagePadForOutpaint", category="image", display_name="Pad Image for Outpainting")
def image_pad_for_outpaint(
    *,
    image: Image,
    left: Border = 0,
    top: Border = 0,
    right: Border = 0,
    bottom: Border = 0,
    feathering: Annotated[Side, "Pixels over which the mask fades out into the picture."] = 40,
) -> ImageAndMask:
    """Add a grey border, and make the mask that has it painted."""
    return ImageAndMask(*diffusion.images.pad_for_outpainting(image, left, top, right, bottom, feathering))
