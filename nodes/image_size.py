"""Nodes that make pictures larger or smaller."""

from __future__ import annotations

from typing import Annotated, Literal

import diffusion
from executor.node import Choice, Range, node
from nodes.sockets import Image

Method = Literal["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
Crop = Literal["disabled", "center"]
Side = Annotated[int, Range(0, 16384, step=1)]
FromOne = Annotated[int, Range(1, 16384, step=1)]


@node("ImageScale", category="image/upscaling", display_name="Upscale Image")
def image_scale(
    *,
    image: Image,
    upscale_method: Method,
    width: Annotated[Side, "In pixels; 0 follows from the height."] = 512,
    height: Annotated[Side, "In pixels; 0 follows from the width."] = 512,
    crop: Annotated[Crop, "center cuts the picture to the new aspect ratio instead of stretching it."],
) -> Image:
    """Resize pictures to a width and a height."""
    return diffusion.images.scale(image, width, height, upscale_method, crop)


@node("ImageScaleBy", category="image/upscaling", display_name="Upscale Image By")
def image_scale_by(
    *, image: Image, upscale_method: Method, scale_by: Annotated[float, Range(0.01, 8.0, step=0.01)] = 1.0
) -> Image:
    """Resize pictures by a factor."""
    return diffusion.images.scale_by(image, scale_by, upscale_method)


@node("ImageScaleToTotalPixels", category="image/upscaling")
def image_scale_to_total_pixels(
    *,
    image: Image,
    upscale_method: Method,
    megapixels: Annotated[float, Range(0.01, 16.0, step=0.01), "One megapixel is 1024 x 1024 pixels."] = 1.0,
) -> Image:
    """Resize pictures to a number of pixels, with their aspect ratio."""
    return diffusion.images.scale_to_megapixels(image, megapixels, upscale_method)


@node("ImageScaleToMaxDimension", category="image/upscaling")
def image_scale_to_max_dimension(
    *,
    image: Image,
    # The standard's menu holds bilinear twice
    upscale_method: Annotated[str, Choice(("area", "lanczos", "bilinear", "nearest-exact", "bilinear", "bicubic"))],
    largest_size: Annotated[Side, "The longer side, in pixels."] = 512,
) -> Image:
    """Resize pictures so that the longer side has a given length."""
    return diffusion.images.scale_longer_side(image, largest_size, upscale_method)


@node("ResizeAndPadImage", category="image/transform")
def resize_and_pad_image(
    *,
    image: Image,
    target_width: FromOne = 512,
    target_height: FromOne = 512,
    padding_color: Literal["white", "black"],
    interpolation: Literal["area", "bicubic", "nearest-exact", "bilinear", "lanczos"],
) -> Image:
    """Fit the whole picture into a size and fill the rest with white or black."""
    fill = 1.0 if padding_color == "white" else 0.0
    return diffusion.images.fit(image, target_width, target_height, fill, interpolation)


@node("FluxKontextImageScale", category="advanced/conditioning/flux")
def flux_kontext_image_scale(*, image: Image) -> Image:
    """Resize and crop pictures to the nearest of the sizes that FLUX.1 Kontext was trained on."""
    return diffusion.images.scale_for_kontext(image)
