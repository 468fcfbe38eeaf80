"""Nodes that change what a picture shows: its colours and its edges."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import diffusion
from executor.files import Files
from executor.node import Range, Seed, node
from nodes.sockets import Image

Radius = Annotated[int, Range(1, 31, step=1), "In pixels."]
Threshold = Annotated[float, Range(0.01, 0.99, step=0.01)]


class Yuv(NamedTuple):
    Y: Image
    U: Image
    V: Image


@node("ImageInvert", category="image", display_name="Invert Image")
def image_invert(*, image: Image) -> Image:
    """The negative of pictures, alpha included."""
    return 1.0 - image


@node("ImageBlend", category="image/postprocessing")
def image_blend(
    *,
    image1: Image,
    image2: Image,
    blend_factor: Annotated[float, Range(0.0, 1.0, step=0.01), "0 gives the first picture."] = 0.5,
    blend_mode: Literal["normal", "multiply", "screen", "overlay", "soft_light", "difference"],
) -> Image:
    """Mix two pictures."""
    return diffusion.blend.blend(image1, image2, blend_factor, blend_mode)


@node("ImageBlur", category="image/postprocessing")
def image_blur(
    *,
    image: Image,
    blur_radius: Radius = 1,
    sigma: Annotated[float, Range(0.1, 10.0, step=0.1), "Width of the bell curve, in radii."] = 1.0,
) -> Image:
    """Gaussian blur."""
    return diffusion.filters.blur(image.movedim(-1, 1), blur_radius, sigma).movedim(1, -1)


@node("ImageSharpen", category="image/postprocessing")
def image_sharpen(
    *,
    image: Image,
    sharpen_radius: Radius = 1,
    sigma: Annotated[float, Range(0.1, 10.0, step=0.01), "Width of the bell curve, in radii."] = 1.0,
    alpha: Annotated[float, Range(0.0, 5.0, step=0.01), "How much."] = 1.0,
) -> Image:
    """Make edges stronger (unsharp mask)."""
    sharp = diffusion.filters.sharpen(image.movedim(-1, 1), sharpen_radius, sigma, alpha)
    return sharp.movedim(1, -1).clamp(0, 1)


@node("ImageQuantize", category="image/postprocessing")
def image_quantize(
    *,
    image: Image,
    colors: Annotated[int, Range(1, 256, step=1), "At most so many colours."] = 256,
    dither: Literal["none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16"],
) -> Image:
    """Reduce pictures to a few colours."""
    return diffusion.quantize.quantize(image, colors, dither)


@node("ImageAddNoise", category="image")
def image_add_noise(
    *, image: Image, seed: Seed = 0, strength: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.5
) -> Image:
    """Add Gaussian noise."""
    return diffusion.images.add_noise(image, seed, strength)


@node("Morphology", category="image/postprocessing", display_name="ImageMorphology")
def morphology(
    *,
    image: Image,
    operation: Literal["erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"],
    kernel_size: Annotated[int, Range(3, 999, step=1), "Side of the square, in pixels."] = 3,
) -> Image:
    """Make dark or bright parts grow, or find what is smaller than the square."""
    return diffusion.morphology.OPERATIONS[operation](image.movedim(-1, 1), kernel_size).movedim(1, -1)


@node("Canny", category="image/preprocessors")
def canny(
    *,
    image: Image,
    low_threshold: Annotated[Threshold, "Weaker edges are dropped."] = 0.4,
    high_threshold: Annotated[Threshold, "An edge is kept if it is this strong somewhere."] = 0.8,
) -> Image:
    """Find edges: white lines on black."""
    return diffusion.colors.grey(diffusion.canny.edges(image, low_threshold, high_threshold))


@node("ImageRGBToYUV", category="image/batch")
def image_rgb_to_yuv(*, image: Image) -> Yuv:
    """Split pictures into brightness and two colour differences."""
    return Yuv(*diffusion.colors.to_yuv(image))


@node("ImageYUVToRGB", category="image/batch")
def image_yuv_to_rgb(*, Y: Image, U: Image, V: Image) -> Image:
    """Join brightness and two colour differences."""
    return diffusion.colors.from_yuv(Y, U, V)


def _uncompressed(files: Files, img_compression: int) -> str | None:
    if img_compression > 0:
        return f"img_compression {img_compression} needs a video encoder, which is not there yet; set it to 0"
    return None


@node("LTXVPreprocess", category="image", output_names=["output_image"], validate=_uncompressed)
def ltxv_preprocess(
    *, image: Image, img_compression: Annotated[int, Range(0, 100), "How much to compress; only 0 so far."] = 35
) -> Image:
    """Give pictures the traces of video compression that LTX-Video expects."""
    if problem := _uncompressed(Files(), img_compression):
        raise ValueError(problem)
    return image
