"""One node that resizes pictures and masks in any way."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import diffusion
from executor.node import Parts, Range, node
from executor.types import Socket
from nodes.image_size import Crop

ImageOrMask = Annotated[Any, Socket("IMAGE,MASK")]
Pixels = Annotated[int, Range(0, 16384, step=1), "In pixels; 0 follows from the other side."]
Side = Annotated[int, Range(0, 16384, step=1), "In pixels; the other side follows."]
Factor = Annotated[float, Range(0.01, 8.0, step=0.01), "Both sides are multiplied by it."]
Megapixels = Annotated[float, Range(0.01, 16.0, step=0.01), "One megapixel is 1024 x 1024 pixels."]
Multiple = Annotated[int, Range(1, 16384, step=1), "Both sides become multiples of it; what is left over is cut off."]
Cut = Annotated[Crop, "center cuts the picture to the new aspect ratio instead of stretching it."]

WAYS = Parts(
    "resize_type",
    {
        "scale dimensions": {"width": (Pixels, 512), "height": (Pixels, 512), "crop": (Cut, "center")},
        "scale by multiplier": {"multiplier": (Factor, 1.0)},
        "scale longer dimension": {"longer_size": (Side, 512)},
        "scale shorter dimension": {"shorter_size": (Side, 512)},
        "scale width": {"width": (Side, 512)},
        "scale height": {"height": (Side, 512)},
        "scale total pixels": {"megapixels": (Megapixels, 1.0)},
        "match size": {"match": (ImageOrMask | None, None), "crop": (Cut, "center")},
        "scale to multiple": {"multiple": (Multiple, 8)},
    },
)


@node("ResizeImageMaskNode", category="transform", display_name="Resize Image/Mask", output_names=("resized",))
def resize_image_mask(
    *,
    input: Annotated[ImageOrMask, "Pictures or masks."],
    resize_type: Annotated[
        Literal[
            "scale dimensions",
            "scale by multiplier",
            "scale longer dimension",
            "scale shorter dimension",
            "scale width",
            "scale height",
            "scale total pixels",
            "match size",
            "scale to multiple",
        ],
        "What the new size follows from.",
    ],
    scale_method: Literal["nearest-exact", "bilinear", "area", "bicubic", "lanczos"] = "area",
    **ways: Annotated[Any, WAYS],
) -> ImageOrMask:
    """Resize pictures or masks: to a size, by a factor, by one side, to a number of pixels, or as another one is."""
    chosen = {name: ways[f"resize_type.{name}"] for name in WAYS.options[resize_type]}
    return diffusion.resizing.resized(input, resize_type, scale_method, **chosen)
