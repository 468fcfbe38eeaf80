"""Nodes that cut the place around a mask out, to paint it at a size that suits the model, and put it back.

Names and inputs are those of the widely used ComfyUI-Inpaint-CropAndStitch, as its documentation has them.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import diffusion
from executor.node import Range, Widget, node
from nodes.sockets import Image, Mask, Stitcher

CATEGORY = "inpaint"

Algorithm = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Side = Annotated[int, Range(0, 16384, step=1)]
Outward = Annotated[
    float, Range(0.01, 100.0, step=0.01), "1 leaves the side, 2 adds as much again, 0.75 cuts a quarter."
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
    preresize_mode: Literal[
        "ensure minimum resolution", "ensure maximum resolution", "ensure minimum and maximum resolution"
    ] = "ensure minimum resolution",
    preresize_min_width: Side = 1024,
    preresize_min_height: Side = 1024,
    preresize_max_width: Side = 16384,
    preresize_max_height: Side = 16384,
    mask_fill_holes: Annotated[bool, "Mask also what the mask encloses."] = True,
    mask_expand_pixels: Annotated[int, Range(0, 16384, step=1), "Let the mask grow first."] = 0,
    mask_invert: Annotated[bool, "Paint what is not masked."] = False,
    mask_blend_pixels: Annotated[int, Range(0, 64, step=1), "Fade into the old picture over this many pixels."] = 32,
    mask_hipass_filter: Annotated[float, Range(0, 1, step=0.01), "Darker parts of the mask are not masked."] = 0.1,
    extend_for_outpainting: Annotated[bool, "Add to the sides of the picture, masked."] = False,
    extend_up_factor: Outward = 1.0,
    extend_down_factor: Outward = 1.0,
    extend_left_factor: Outward = 1.0,
    extend_right_factor: Outward = 1.0,
    context_from_mask_extend_factor: Annotated[
        float, Range(1.0, 100.0, step=0.01), "How many times as large as what is masked the crop is."
    ] = 1.2,
    output_resize_to_target_size: Annotated[bool, "Resize the crop to the size below."] = True,
    output_target_width: Annotated[int, Range(64, 16384, step=1)] = 512,
    output_target_height: Annotated[int, Range(64, 16384, step=1)] = 512,
    output_padding: Annotated[
        Literal["0", "8", "16", "32", "64", "128", "256", "512"], "The sides of the crop are multiples of this."
    ] = "32",
    device_mode: Annotated[
        Literal["cpu (compatible)", "gpu (much faster)"], "Makes no difference here.", Widget(optional=True)
    ] = "gpu (much faster)",
    mask: Annotated[Mask | None, "1 where the picture is to be painted anew."] = None,
    optional_context_mask: Annotated[Mask | None, "What else must be in the crop."] = None,
) -> Crop:
    """Cut the place around a mask out and resize it to what suits the model. Inpaint Stitch puts it back."""
    crops, algorithms = diffusion.crops, (downscale_algorithm, upscale_algorithm)
    if preresize:
        least, most = (preresize_min_width, preresize_min_height), (preresize_max_width, preresize_max_height)
        size = crops.bounded(
            (image.shape[2], image.shape[1]),
            (1, 1) if preresize_mode == "ensure maximum resolution" else least,
            (10**9, 10**9) if preresize_mode == "ensure minimum resolution" else most,
        )
        image = crops.resize(image, *size, *algorithms)
    image, mask = crops.together(image, image.new_zeros(image.shape[:3]) if mask is None else mask)
    mask = crops.shaped(mask, mask_hipass_filter, mask_expand_pixels, fill=mask_fill_holes, invert=mask_invert)
    if extend_for_outpainting:
        factors = (extend_up_factor, extend_down_factor, extend_left_factor, extend_right_factor)
        whole, context = image, optional_context_mask
        image, mask = crops.outpaint(whole, mask, factors)
        if context is not None:
            context = crops.outpaint(*crops.together(whole, context), factors, marked=0.0)[1]
        optional_context_mask = context
    return Crop(
        *crops.crop(
            image,
            mask,
            optional_context_mask,
            extend=context_from_mask_extend_factor,
            blend=mask_blend_pixels,
            target=(output_target_width, output_target_height) if output_resize_to_target_size else None,
            multiple=int(output_padding),
            down=downscale_algorithm,
            up=upscale_algorithm,
        )
    )


@node("InpaintStitchImproved", category=CATEGORY, display_name="✂️ Inpaint Stitch", output_names=("image",))
def inpaint_stitch_improved(
    *, stitcher: Stitcher, inpainted_image: Annotated[Image, "The crop, painted; of any size."]
) -> Image:
    """Put a painted crop back into its picture; where the mask does not reach, the picture stays as it was."""
    return stitcher.stitch(inpainted_image)
