"""Nodes between pictures and latents."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Annotated, Any, NamedTuple

import diffusion
from executor.node import Progress, Range, node, silent
from nodes.sockets import Conditioning, Image, Latent, Mask, Vae

Overlap = Annotated[int, Range(0, 4096, step=32), "How many pixels neighbouring tiles share."]
Frames = Annotated[int, Range(8, 4096, step=4), "For video only: how many frames are coded at once."]
FrameOverlap = Annotated[int, Range(4, 4096, step=4), "For video only: how many frames neighbouring parts share."]


class Inpainting(NamedTuple):
    positive: Conditioning
    negative: Conditioning
    latent: Latent


def _stoppable(vae: Vae, progress: Progress) -> AbstractContextManager[None]:
    """Cancelling is noticed between the parts of the network."""
    return diffusion.model.interruptible(vae.network, progress.check)


@node("VAEDecode", category="latent", display_name="VAE Decode")
def vae_decode(*, samples: Latent, vae: Vae, progress: Progress = silent) -> Image:
    """Turn latents into pictures."""
    with _stoppable(vae, progress):
        return vae.decode(samples["samples"])


@node("VAEEncode", category="latent", display_name="VAE Encode")
def vae_encode(*, pixels: Image, vae: Vae, progress: Progress = silent) -> Latent:
    """Turn pictures into latents; what exceeds a multiple of 8 pixels is cut off all around."""
    with _stoppable(vae, progress):
        return {"samples": vae.encode(pixels[..., :3])}


@node("VAEDecodeTiled", category="_for_testing", display_name="VAE Decode (Tiled)")
def vae_decode_tiled(
    *,
    samples: Latent,
    vae: Vae,
    tile_size: Annotated[int, Range(64, 4096, step=32), "Width and height of a tile, in pixels."] = 512,
    overlap: Overlap = 64,
    temporal_size: Frames = 64,
    temporal_overlap: FrameOverlap = 8,
    progress: Progress = silent,
) -> Image:
    """Turn latents into pictures tile by tile, for pictures that are too large for the memory."""
    tile, shared = tile_size // vae.factor, min(overlap, tile_size // 4) // vae.factor
    with _stoppable(vae, progress):
        return vae.decode_tiled(samples["samples"], tile, tile, shared)


def tiles_problem(tile_size: int, overlap: int) -> str | None:
    """Why a picture cannot be encoded in such tiles."""
    if 2 * overlap >= tile_size:
        return f"overlap {overlap} must be less than half of tile_size {tile_size}"
    return None


@node("VAEEncodeTiled", category="_for_testing", display_name="VAE Encode (Tiled)", validate=tiles_problem)
def vae_encode_tiled(
    *,
    pixels: Image,
    vae: Vae,
    tile_size: Annotated[int, Range(64, 4096, step=64), "Width and height of a tile, in pixels."] = 512,
    overlap: Overlap = 64,
    temporal_size: Frames = 64,
    temporal_overlap: FrameOverlap = 8,
    progress: Progress = silent,
) -> Latent:
    """Turn pictures into latents tile by tile, for pictures that are too large for the memory."""
    with _stoppable(vae, progress):
        return {"samples": vae.encode_tiled(pixels[..., :3], tile_size, tile_size, overlap)}


@node("VAEEncodeForInpaint", category="latent/inpaint", display_name="VAE Encode (for Inpainting)")
def vae_encode_for_inpaint(
    *,
    pixels: Image,
    vae: Vae,
    mask: Annotated[Mask, "1 where the picture is to be painted anew."],
    grow_mask_by: Annotated[int, Range(0, 64, step=1), "Paint this many pixels more, to hide the seam."] = 6,
    progress: Progress = silent,
) -> Latent:
    """Turn pictures into latents in which the masked part is grey and will be painted anew."""
    with _stoppable(vae, progress):
        return diffusion.inpainting.encode_for_inpainting(vae, pixels[..., :3], mask, grow_mask_by)


@node("InpaintModelConditioning", category="conditioning/inpaint")
def inpaint_model_conditioning(
    *,
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae,
    pixels: Image,
    mask: Annotated[Mask, "1 where the picture is to be painted anew."],
    noise_mask: Annotated[bool, "Paint only where the mask is, and leave the rest as it is."] = True,
    progress: Progress = silent,
) -> Inpainting:
    """Show an inpainting model the picture and the mask."""
    with _stoppable(vae, progress):
        shown, latent = diffusion.inpainting.condition(vae, pixels[..., :3], mask, noise_mask)
    return Inpainting(_with(positive, shown), _with(negative, shown), latent)


@node("InstructPixToPixConditioning", category="conditioning/instructpix2pix")
def instruct_pix_to_pix_conditioning(
    *,
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae,
    pixels: Annotated[Image, "The picture to change."],
    progress: Progress = silent,
) -> Inpainting:
    """Show a model that changes pictures as it is told the picture."""
    with _stoppable(vae, progress):
        shown, latent = diffusion.inpainting.condition_edit(vae, pixels[..., :3])
    return Inpainting(_with(positive, shown), _with(negative, shown), latent)


def _with(conditioning: Conditioning, options: dict[str, Any]) -> Conditioning:
    return [(tensor, {**own, **options}) for tensor, own in conditioning]
