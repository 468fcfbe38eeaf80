"""Nodes that tell single families of models what only they understand."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import diffusion
from executor.node import Range, node
from nodes.conditioning_pairs import Pair
from nodes.sockets import Conditioning, Image, Latent

FLUX = "advanced/conditioning/flux"


class PairAndLatent(NamedTuple):
    positive: Conditioning
    negative: Conditioning
    latent: Latent


@node("FluxGuidance", category=FLUX)
def flux_guidance(
    *,
    conditioning: Conditioning,
    guidance: Annotated[float, Range(0.0, 100.0, step=0.1), "How closely FLUX follows the prompt."] = 3.5,
) -> Conditioning:
    """The guidance that FLUX was trained to take as an input."""
    return diffusion.conditioning.with_options(conditioning, {"guidance": guidance})


@node("FluxDisableGuidance", category=FLUX)
def flux_disable_guidance(*, conditioning: Conditioning) -> Conditioning:
    """No guidance input, for models that have none."""
    return diffusion.conditioning.with_options(conditioning, {"guidance": None})


@node("FluxKontextMultiReferenceLatentMethod", category=FLUX, experimental=True)
def flux_kontext_multi_reference_latent_method(
    *,
    conditioning: Conditioning,
    reference_latents_method: Annotated[
        Literal["offset", "index", "uxo/uno"], "How the model tells several reference pictures apart."
    ],
) -> Conditioning:
    """How several reference pictures are placed beside the one that is made."""
    method = "uxo" if reference_latents_method == "uxo/uno" else reference_latents_method
    return diffusion.conditioning.with_options(conditioning, {"reference_latents_method": method})


@node("ReferenceLatent", category="advanced/conditioning/edit_models")
def reference_latent(*, conditioning: Conditioning, latent: Latent | None = None) -> Conditioning:
    """One more picture for models that edit pictures; several nodes in a row give several pictures."""
    if latent is None:
        return conditioning
    return diffusion.conditioning.appended(conditioning, "reference_latents", latent["samples"])


@node("SD_4XUpscale_Conditioning", category="conditioning/upscale_diffusion")
def sd_4x_upscale_conditioning(
    *,
    images: Image,
    positive: Conditioning,
    negative: Conditioning,
    scale_ratio: Annotated[float, Range(0.0, 10.0, step=0.01), "How many times larger the result is."] = 4.0,
    noise_augmentation: Annotated[
        float, Range(0.0, 1.0, step=0.001), "How much noise the picture gets before the model sees it."
    ] = 0.0,
) -> PairAndLatent:
    """A picture for Stable Diffusion's x4 upscaler to enlarge."""
    pixels, samples = diffusion.conditioning.for_upscaling(images, scale_ratio)
    options = {"concat_image": pixels, "noise_augmentation": noise_augmentation}
    positive, negative = (diffusion.conditioning.with_options(c, options) for c in (positive, negative))
    return PairAndLatent(positive, negative, {"samples": samples})


@node("StableCascade_StageB_Conditioning", category="conditioning/stable_cascade")
def stable_cascade_stage_b_conditioning(*, conditioning: Conditioning, stage_c: Latent) -> Conditioning:
    """The result of Stable Cascade's stage C for its stage B."""
    return diffusion.conditioning.with_options(conditioning, {"stable_cascade_prior": stage_c["samples"]})


@node("HunyuanRefinerLatent", category="sd")
def hunyuan_refiner_latent(
    *,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    noise_augmentation: Annotated[
        float, Range(0.0, 1.0, step=0.01), "How much noise the latent gets before the model sees it."
    ] = 0.1,
) -> PairAndLatent:
    """A latent for HunyuanImage's refiner to work over."""
    samples = latent["samples"]
    options = {"concat_latent_image": samples, "noise_augmentation": noise_augmentation}
    positive, negative = (diffusion.conditioning.with_options(c, options) for c in (positive, negative))
    empty = diffusion.latents.empty(samples.shape[0], 32, *samples.shape[2:])
    return PairAndLatent(positive, negative, {"samples": empty})


@node("LTXVConditioning", category="conditioning/video_models")
def ltxv_conditioning(
    *,
    positive: Conditioning,
    negative: Conditioning,
    frame_rate: Annotated[float, Range(0.0, 1000.0, step=0.01), "Frames a second."] = 25.0,
) -> Pair:
    """The frame rate, for LTX-Video."""
    positive, negative = (
        diffusion.conditioning.with_options(c, {"frame_rate": frame_rate}) for c in (positive, negative)
    )
    return Pair(positive, negative)


@node("ConditioningStableAudio", category="conditioning")
def conditioning_stable_audio(
    *,
    positive: Conditioning,
    negative: Conditioning,
    seconds_start: Annotated[float, Range(0.0, 1000.0, step=0.1), "Where in the whole piece it begins."] = 0.0,
    seconds_total: Annotated[float, Range(0.0, 1000.0, step=0.1), "How long the whole piece is."] = 47.0,
) -> Pair:
    """The part of a piece to make, for Stable Audio."""
    options = {"seconds_start": seconds_start, "seconds_total": seconds_total}
    positive, negative = (diffusion.conditioning.with_options(c, options) for c in (positive, negative))
    return Pair(positive, negative)
