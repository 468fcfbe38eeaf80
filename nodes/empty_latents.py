"""Nodes that make empty latents, to start new pictures and clips from."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import diffusion
from executor.node import Range, node
from nodes.sockets import Latent

Batch = Annotated[int, Range(1, 4096), "How many at once."]
By8 = Annotated[int, Range(16, 16384, step=8), "In pixels."]
By16 = Annotated[int, Range(16, 16384, step=16), "In pixels."]
By32 = Annotated[int, Range(64, 16384, step=32), "In pixels."]
CascadeSide = Annotated[int, Range(256, 16384, step=8), "In pixels."]
Length4 = Annotated[int, Range(1, 16384, step=4), "In frames."]
Length6 = Annotated[int, Range(7, 16384, step=6), "In frames."]
Length8 = Annotated[int, Range(1, 16384, step=8), "In frames."]


class CascadeStages(NamedTuple):
    stage_c: Latent
    stage_b: Latent


@node("EmptyLatentImage", category="latent", display_name="Empty Latent Image")
def empty_latent_image(*, width: By8 = 512, height: By8 = 512, batch_size: Batch = 1) -> Latent:
    """Empty latents for Stable Diffusion and other models of 4 channels."""
    return {"samples": diffusion.latents.empty(batch_size, 4, height // 8, width // 8)}


@node("EmptySD3LatentImage", category="latent/sd3")
def empty_sd3_latent_image(*, width: By16 = 1024, height: By16 = 1024, batch_size: Batch = 1) -> Latent:
    """Empty latents for Stable Diffusion 3, FLUX and other models of 16 channels."""
    return {"samples": diffusion.latents.empty(batch_size, 16, height // 8, width // 8)}


@node("EmptyHunyuanImageLatent", category="latent")
def empty_hunyuan_image_latent(*, width: By32 = 2048, height: By32 = 2048, batch_size: Batch = 1) -> Latent:
    """Empty latents for HunyuanImage."""
    return {"samples": diffusion.latents.empty(batch_size, 64, height // 32, width // 32)}


@node("EmptyChromaRadianceLatentImage", category="latent/chroma_radiance")
def empty_chroma_radiance_latent_image(*, width: By16 = 1024, height: By16 = 1024, batch_size: Batch = 1) -> Latent:
    """Empty latents for Chroma Radiance, which works on pixels."""
    return {"samples": diffusion.latents.empty(batch_size, 3, height, width)}


@node("StableCascade_EmptyLatentImage", category="latent/stable_cascade")
def stable_cascade_empty_latent_image(
    *,
    width: CascadeSide = 1024,
    height: CascadeSide = 1024,
    compression: Annotated[int, Range(4, 128, step=1), "How many pixels make one element of stage C."] = 42,
    batch_size: Batch = 1,
) -> CascadeStages:
    """Empty latents for the two stages of Stable Cascade."""
    stage_c = diffusion.latents.empty(batch_size, 16, height // compression, width // compression)
    stage_b = diffusion.latents.empty(batch_size, 4, height // 4, width // 4)
    return CascadeStages({"samples": stage_c}, {"samples": stage_b})


@node("EmptyHunyuanLatentVideo", category="latent/video")
def empty_hunyuan_latent_video(
    *, width: By16 = 848, height: By16 = 480, length: Length4 = 25, batch_size: Batch = 1
) -> Latent:
    """Empty latents for clips of HunyuanVideo and others that fold 4 frames into one."""
    frames = diffusion.latents.frames(length, 4)
    return {"samples": diffusion.latents.empty(batch_size, 16, frames, height // 8, width // 8)}


@node("EmptyMochiLatentVideo", category="latent/video")
def empty_mochi_latent_video(
    *, width: By16 = 848, height: By16 = 480, length: Length6 = 25, batch_size: Batch = 1
) -> Latent:
    """Empty latents for clips of Mochi."""
    frames = diffusion.latents.frames(length, 6)
    return {"samples": diffusion.latents.empty(batch_size, 12, frames, height // 8, width // 8)}


@node("EmptyLTXVLatentVideo", category="latent/video/ltxv")
def empty_ltxv_latent_video(
    *, width: By32 = 768, height: By32 = 512, length: Length8 = 97, batch_size: Batch = 1
) -> Latent:
    """Empty latents for clips of LTX-Video."""
    frames = diffusion.latents.frames(length, 8)
    return {"samples": diffusion.latents.empty(batch_size, 128, frames, height // 32, width // 32)}


@node("EmptyCosmosLatentVideo", category="latent/video")
def empty_cosmos_latent_video(
    *, width: By16 = 1280, height: By16 = 704, length: Length8 = 121, batch_size: Batch = 1
) -> Latent:
    """Empty latents for clips of Cosmos."""
    frames = diffusion.latents.frames(length, 8)
    return {"samples": diffusion.latents.empty(batch_size, 16, frames, height // 8, width // 8)}
