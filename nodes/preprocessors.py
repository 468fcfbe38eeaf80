"""Nodes that make from a picture what control networks look at. Names and inputs are comfyui_controlnet_aux's."""

from __future__ import annotations

from typing import Annotated

import diffusion
from executor.node import Range, Widget, node
from nodes.sockets import Image, Mask

CATEGORY = "ControlNet Preprocessors"

Side = Annotated[int, Range(64, 16384, step=64), "Of the result's shorter side, in pixels.", Widget(optional=True)]
Gamma = Annotated[
    float, Range(0.1, 2.0, step=0.01), "Above 1 makes dark places darker, below 1 lighter.", Widget(optional=True)
]


@node("InpaintPreprocessor", category=f"{CATEGORY}/others", display_name="Inpaint Preprocessor")
def inpaint_preprocessor(
    *,
    image: Image,
    mask: Annotated[Mask, "What is to be painted anew."],
    black_pixel_for_xinsir_cn: Annotated[
        bool, "Black for xinsir's union network; off for ControlNet 1.1.", Widget(optional=True)
    ] = False,
) -> Image:
    """A picture for inpainting ControlNets: what is masked is marked as not to be seen."""
    return diffusion.control.hints.hidden(image, mask, 0.0 if black_pixel_for_xinsir_cn else -1.0)


@node("LineartStandardPreprocessor", category=f"{CATEGORY}/Line Extractors", display_name="Standard Lineart")
def lineart_standard_preprocessor(
    *,
    image: Image,
    guassian_sigma: Annotated[
        float, Range(0.0, 100.0, step=0.01), "Over how many pixels a line is compared.", Widget(optional=True)
    ] = 6.0,
    intensity_threshold: Annotated[
        int, Range(0, 16, step=1), "Weaker lines do not count when their strength is measured.", Widget(optional=True)
    ] = 8,
    resolution: Side = 512,
) -> Image:
    """Light lines where a picture is darker than what is around it, for lineart ControlNets."""
    return diffusion.control.hints.lines(image, resolution, guassian_sigma, intensity_threshold)


@node("ImageLuminanceDetector", category=f"{CATEGORY}/Recolor", display_name="Image Luminance")
def image_luminance_detector(*, image: Image, gamma_correction: Gamma = 1.0, resolution: Side = 512) -> Image:
    """How light a picture looks, for ControlNets that colour it."""
    return diffusion.control.hints.luminance(image, resolution, gamma_correction)


@node("ImageIntensityDetector", category=f"{CATEGORY}/Recolor", display_name="Image Intensity")
def image_intensity_detector(*, image: Image, gamma_correction: Gamma = 1.0, resolution: Side = 512) -> Image:
    """The strongest colour of each place, for ControlNets that colour it."""
    return diffusion.control.hints.intensity(image, resolution, gamma_correction)


@node("TilePreprocessor", category=f"{CATEGORY}/tile", display_name="Tile")
def tile_preprocessor(
    *,
    image: Image,
    pyrUp_iters: Annotated[int, Range(1, 10, step=1), "How often it is halved.", Widget(optional=True)] = 3,
    resolution: Side = 512,
) -> Image:
    """A picture without its details, for tile ControlNets, which put new ones in."""
    return diffusion.control.hints.tile(image, resolution, pyrUp_iters)
