"""Nodes that make batches of pictures and take them apart."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import diffusion
from executor.node import Range, Widget, node
from nodes.image_size import FromOne
from nodes.sockets import Image

Count = Annotated[int, Range(1, 4096)]


class Size(NamedTuple):
    width: int
    height: int
    batch_size: int


@node("EmptyImage", category="image")
def empty_image(
    *,
    width: FromOne = 512,
    height: FromOne = 512,
    batch_size: Count = 1,
    color: Annotated[int, Range(0, 0xFFFFFF, step=1), Widget(display="color"), "As a number: 0xRRGGBB."] = 0,
) -> Image:
    """Pictures of one colour."""
    return diffusion.colors.plain(width, height, batch_size, color)


@node("GetImageSize", category="image", display_name="Get Image Size")
def get_image_size(*, image: Image) -> Size:
    """The width and height of pictures, and how many there are."""
    batch, height, width, _ = image.shape
    return Size(width, height, batch)


@node("ImageBatch", category="image", display_name="Batch Images")
def image_batch(*, image1: Image, image2: Image) -> Image:
    """Both inputs in one batch; the second is cropped and resized to the size of the first."""
    return diffusion.images.batch(image1, image2)


@node("RepeatImageBatch", category="image/batch")
def repeat_image_batch(*, image: Image, amount: Count = 1) -> Image:
    """The batch several times over."""
    return diffusion.images.repeat(image, amount)


@node("ImageFromBatch", category="image/batch")
def image_from_batch(
    *,
    image: Image,
    batch_index: Annotated[int, Range(0, 4095), "The first picture to take, from 0."] = 0,
    length: Count = 1,
) -> Image:
    """Some of the pictures of a batch."""
    return diffusion.images.from_batch(image, batch_index, length)


@node("RebatchImages", category="image/batch", display_name="Rebatch Images")
def rebatch_images(
    *,
    images: list[Image],
    batch_size: list[Count] = 1,  # pyright: ignore[reportArgumentType] -- shown as a number, given as a list
) -> list[Image]:
    """Pictures in batches of another size, as a list."""
    return diffusion.images.rebatch(images, batch_size[0])
