"""Nodes that cut the place around a mask out, to paint it at a size that suits the model, and put it back.

Names and inputs are those of the widely used ComfyUI-Inpaint-CropAndStitch, as its documentation has them.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import diffusion
from executor.node import Range, Widget, node
from nodes.sockets import Image, Mask, Stitcher

CATEGORY = "inpaint"
FREE = 10**9  # larger than any side

Algorithm = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Bounds = Literal["ensure minimum resolution", "ensure maximum resolution", "ensure minimum and maximum resolution"]
Padding = Annotated[
    Literal["0", "8", "16", "32", "64", "128", "256", "512"], "The sides of the crop are multiples of this."
]
Side = Annotated[int, Range(0, 16384, step=1)]
Target = Annotated[int, Range(64, 16384, step=1), "Of the crop, in pixels."]
Outward = Annotated[
    float, Range(0.01, 100.0, step=0.01), "1 leaves the side, 2 adds as much again, 0.75 cuts a quarter."
]
Expand = Annotated[int, Range(0, 16384, step=1), "Let the mask grow first."]
Blend = Annotated[int, Range(0, 64, step=1), "Fade into the old picture over this many pixels."]
Least = Annotated[float, Range(0, 1, step=0.01), "Darker parts of the mask are not masked."]
Extend = Annotated[float, Range(1.0, 100.0, step=0.01), "How many times as large as what is masked the crop is."]
DeviceMode = Annotated[
    Literal["cpu (compatible)", "gpu (much faster)"], "Makes no difference here.", Widget(optional=True)
]


class Crop(NamedTuple):
    stitcher: Stitcher
    cropped_image: Image
    cropped_mask: Mask


@node("InpaintCropImproved", category=CATEGORY, display_name="✂️ Inpaint Crop")
def inpaint_crop_improved(
    *,
    image: Image,
    downscale_algorithm: Algorithm = "bilinear",
    upscale_algorithm: Algorithm = "bicubic",
    preresize: Annotated[bool, "Resize the whole picture first."] = False,
    preresize_mode: Bounds = "ensure minimum resolution",
    preresize_min_width: Side = 1024,
    preresize_min_height: Side = 1024,
    preresize_max_width: Side = 16384,
    preresize_max_height: Side = 16384,
    mask_fill_holes: Annotated[bool, "Mask also what the mask encloses."] = True,
    mask_expand_pixels: Expand = 0,
    mask_invert: Annotated[bool, "Paint what is not masked."] = False,
    mask_blend_pixels: Blend = 32,
    mask_hipass_filter: Least = 0.1,
    extend_for_outpainting: Annotated[bool, "Add to the sides of the picture, masked."] = False,
    extend_up_factor: Outward = 1.0,
    extend_down_factor: Outward = 1.0,
    extend_left_factor: Outward = 1.0,
    extend_right_factor: Outward = 1.0,
    context_from_mask_extend_factor: Extend = 1.2,
    output_resize_to_target_size: Annotated[bool, "Resize the crop to the size below."] = True,
    output_target_width: Target = 512,
    output_target_height: Target = 512,
    output_padding: Padding = "32",
    device_mode: DeviceMode = "gpu (much faster)",
    mask: Annotated[Mask | None, "1 where the picture is to be painted anew."] = None,
    optional_context_mask: Annotated[Mask | None, "What else must be in the crop."] = None,
) -> Crop:
    """Cut the place around a mask out and resize it to what suits the model. Inpaint Stitch puts it back."""
    crops, algorithms = diffusion.crops, (downscale_algorithm, upscale_algorithm)
    if preresize:
        least, most = (preresize_min_width, preresize_min_height), (preresize_max_width, preresize_max_height)
        image = crops.resize(image, *_bounded(image, preresize_mode, least, most), *algorithms)
    image, mask = crops.together(image, image.new_zeros(image.shape[:3]) if mask is None else mask)
    mask = crops.shaped(mask, mask_hipass_filter, mask_expand_pixels, fill=mask_fill_holes, invert=mask_invert)
    context = optional_context_mask
    if extend_for_outpainting:
        factors = extend_up_factor, extend_down_factor, extend_left_factor, extend_right_factor
        image, mask, context = crops.outpaint_all(image, mask, context, factors)
    target = (output_target_width, output_target_height) if output_resize_to_target_size else None
    where = crops.Where(context_from_mask_extend_factor, mask_blend_pixels, target, int(output_padding))
    return Crop(*crops.crop(image, mask, context, where, *algorithms))


def _bounded(image: Image, mode: str, least: tuple[int, int], most: tuple[int, int]) -> tuple[int, int]:
    """The size (width, height) of pictures that are resized first."""
    least = (1, 1) if mode == "ensure maximum resolution" else least
    most = (FREE, FREE) if mode == "ensure minimum resolution" else most
    return diffusion.crops.bounded((image.shape[2], image.shape[1]), least, most)


@node("InpaintStitchImproved", category=CATEGORY, display_name="✂️ Inpaint Stitch", output_names=("image",))
def inpaint_stitch_improved(
    *, stitcher: Stitcher, inpainted_image: Annotated[Image, "The crop, painted; of any size."]
) -> Image:
    """Put a painted crop back into its picture; where the mask does not reach, the picture stays as it was."""
    return stitcher.stitch(inpainted_image)
