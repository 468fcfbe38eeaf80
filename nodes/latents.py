"""Nodes that resize, place and cut latents."""

from __future__ import annotations

from typing import Annotated, Literal

import diffusion
from executor.node import Range, node
from nodes.sockets import Latent, Mask, Tensor

Method = Literal["nearest-exact", "bilinear", "area", "bicubic", "bislerp"]
Pixels = Annotated[int, Range(0, 16384, step=8), "In pixels, 8 of which are one element."]
Side = Annotated[int, Range(64, 16384, step=8), "In pixels, 8 of which are one element."]

DIMS = {"x": -1, "y": -2, "t": -3}
QUARTERS = {"none": 0, "90 degrees": 1, "180 degrees": 2, "270 degrees": 3}


def with_samples(latent: Latent, samples: Tensor) -> Latent:
    return {**latent, "samples": samples}


@node("LatentUpscale", category="latent", display_name="Upscale Latent")
def latent_upscale(
    *,
    samples: Latent,
    upscale_method: Method,
    width: Annotated[Pixels, "In pixels of the picture; 0 follows from the height."] = 512,
    height: Annotated[Pixels, "In pixels of the picture; 0 follows from the width."] = 512,
    crop: Annotated[
        Literal["disabled", "center"], "center cuts the latents to the new aspect ratio instead of stretching them."
    ],
) -> Latent:
    """Resize latents to a width and a height."""
    return with_samples(samples, diffusion.latents.scale(samples["samples"], width, height, upscale_method, crop))


@node("LatentUpscaleBy", category="latent", display_name="Upscale Latent By")
def latent_upscale_by(
    *, samples: Latent, upscale_method: Method, scale_by: Annotated[float, Range(0.01, 8.0, step=0.01)] = 1.5
) -> Latent:
    """Resize latents by a factor."""
    return with_samples(samples, diffusion.latents.scale_by(samples["samples"], scale_by, upscale_method))


@node("LatentComposite", category="latent", display_name="Latent Composite")
def latent_composite(
    *,
    samples_to: Latent,
    samples_from: Latent,
    x: Pixels = 0,
    y: Pixels = 0,
    feather: Annotated[Pixels, "Over how many pixels the pasted part fades in."] = 0,
) -> Latent:
    """Paste latents into others."""
    pasted = diffusion.latents.paste(samples_to["samples"], samples_from["samples"], x, y, feather)
    return with_samples(samples_to, pasted)


@node("LatentCompositeMasked", category="latent")
def latent_composite_masked(
    *,
    destination: Latent,
    source: Latent,
    x: Pixels = 0,
    y: Pixels = 0,
    resize_source: Annotated[bool, "Stretch the source over the whole destination first."] = False,
    mask: Annotated[Mask | None, "1 takes the source, 0 keeps the destination; resized to the source."] = None,
) -> Latent:
    """Paste latents into others where a mask says so."""
    pasted = diffusion.composite.composite(
        destination["samples"],
        source["samples"],
        x,
        y,
        mask,
        scale=diffusion.latents.PIXELS,
        resize_source=resize_source,
    )
    return with_samples(destination, pasted)


@node("LatentCrop", category="latent/transform", display_name="Crop Latent")
def latent_crop(*, samples: Latent, width: Side = 512, height: Side = 512, x: Pixels = 0, y: Pixels = 0) -> Latent:
    """Cut a rectangle out of latents."""
    return with_samples(samples, diffusion.latents.crop(samples["samples"], x, y, width, height))


@node("LatentFlip", category="latent/transform", display_name="Flip Latent")
def latent_flip(*, samples: Latent, flip_method: Literal["x-axis: vertically", "y-axis: horizontally"]) -> Latent:
    """Mirror latents."""
    return with_samples(samples, diffusion.latents.flip(samples["samples"], flip_method.startswith("x")))


@node("LatentRotate", category="latent/transform", display_name="Rotate Latent")
def latent_rotate(*, samples: Latent, rotation: Literal["none", "90 degrees", "180 degrees", "270 degrees"]) -> Latent:
    """Turn latents clockwise."""
    return with_samples(samples, diffusion.latents.rotate(samples["samples"], QUARTERS[rotation]))


@node("LatentCut", category="latent/advanced")
def latent_cut(
    *,
    samples: Latent,
    dim: Annotated[Literal["x", "y", "t"], "Along the width, the height or the frames."],
    index: Annotated[int, Range(-16384, 16384, step=1), "In latent elements; below 0 counts from the end."] = 0,
    amount: Annotated[int, Range(1, 16384, step=1), "In latent elements."] = 1,
) -> Latent:
    """Cut a strip out of latents."""
    return with_samples(samples, diffusion.latents.cut(samples["samples"], DIMS[dim], index, amount))


@node("TrimVideoLatent", category="latent/video")
def trim_video_latent(
    *, samples: Latent, trim_amount: Annotated[int, Range(0, 99999), "In latent frames."] = 0
) -> Latent:
    """Drop the first frames of a clip."""
    return with_samples(samples, samples["samples"][:, :, trim_amount:])


@node("SetLatentNoiseMask", category="latent/inpaint", display_name="Set Latent Noise Mask")
def set_latent_noise_mask(*, samples: Latent, mask: Annotated[Mask, "1 is to be sampled, 0 stays."]) -> Latent:
    """Sample latents only where a mask says so."""
    return diffusion.latent_batch.with_mask(samples, mask)
