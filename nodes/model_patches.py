"""Nodes that change what a model's network computes: each gives a patched model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import diffusion
from executor.node import Range, node
from nodes.sockets import Clip, Model

if TYPE_CHECKING:
    from diffusion.network_patches import NetworkPatch
    from diffusion.steering import GuidancePatch

CATEGORY = "model_patches/unet"
ATTENTION = "_for_testing/attention_experiments"

Factor = Annotated[float, Range(0.0, 10.0, step=0.01)]
Share = Annotated[float, Range(0.0, 1.0, step=0.001)]
Resizing = Literal["bicubic", "nearest-exact", "bilinear", "area", "bislerp"]


def _patched(model: Model, patch: NetworkPatch) -> Model:
    return replace(model, network_patches=(*model.network_patches, patch))


def _steered(model: Model, patch: GuidancePatch) -> Model:
    return replace(model, guidance=(*model.guidance, patch))


@node("FreeU", category=CATEGORY)
def free_u(
    *,
    model: Model,
    b1: Annotated[Factor, "Multiplies the backbone at the lowest level."] = 1.1,
    b2: Annotated[Factor, "Multiplies the backbone one level up."] = 1.2,
    s1: Annotated[Factor, "Multiplies the large forms of the skip connections at the lowest level."] = 0.9,
    s2: Annotated[Factor, "Multiplies the large forms of the skip connections one level up."] = 0.2,
) -> Model:
    """Weigh the backbone of the UNet against its skip connections, for better pictures at no cost."""
    return _patched(model, diffusion.network_patches.free_u((b1, b2), (s1, s2), by_structure=False))


@node("FreeU_V2", category=CATEGORY)
def free_u_v2(
    *,
    model: Model,
    b1: Annotated[Factor, "Multiplies the backbone at the lowest level."] = 1.3,
    b2: Annotated[Factor, "Multiplies the backbone one level up."] = 1.4,
    s1: Annotated[Factor, "Multiplies the large forms of the skip connections at the lowest level."] = 0.9,
    s2: Annotated[Factor, "Multiplies the large forms of the skip connections one level up."] = 0.2,
) -> Model:
    """FreeU whose strength follows the picture's structure."""
    return _patched(model, diffusion.network_patches.free_u((b1, b2), (s1, s2), by_structure=True))


@node("PatchModelAddDownscale", category=CATEGORY, display_name="PatchModelAddDownscale (Kohya Deep Shrink)")
def patch_model_add_downscale(
    *,
    model: Model,
    block_number: Annotated[int, Range(1, 32, step=1), "The input block from which on to work smaller."] = 3,
    downscale_factor: Annotated[float, Range(0.1, 9.0, step=0.001)] = 2.0,
    start_percent: Annotated[Share, "Where in the run it begins."] = 0.0,
    end_percent: Annotated[Share, "Where in the run it ends."] = 0.35,
    downscale_after_skip: Annotated[bool, "Leave the skip connection of the block as it is."] = True,
    downscale_method: Resizing,
    upscale_method: Resizing,
) -> Model:
    """Work at a smaller size in the first steps, so that a large picture does not show its subject twice."""
    patch = diffusion.network_patches.shrink(
        block_number,
        downscale_factor,
        (start_percent, end_percent),
        model.prediction,
        after_skip=downscale_after_skip,
        down=downscale_method,
        up=upscale_method,
    )
    return _patched(model, patch)


@node("HyperTile", category=CATEGORY)
def hyper_tile(
    *,
    model: Model,
    tile_size: Annotated[int, Range(1, 2048), "The smallest side of a tile, in pixels."] = 256,
    swap_size: Annotated[int, Range(1, 128), "Among how many sizes of tiles each step chooses."] = 2,
    max_depth: Annotated[int, Range(0, 10), "How often the picture is halved where tiles are still used."] = 0,
    scale_depth: Annotated[bool, "Keep tiles as large in the picture at every depth."] = False,
) -> Model:
    """Let the parts of a large picture attend to tiles only, which is faster."""
    patch = diffusion.attention_patches.hyper_tile(tile_size, swap_size, max_depth, scale_depth=scale_depth)
    return _patched(model, patch)


@node("TomePatchModel", category=CATEGORY)
def tome_patch_model(
    *, model: Model, ratio: Annotated[float, Range(0.0, 1.0, step=0.01), "How many of the tokens to merge."] = 0.3
) -> Model:
    """Let similar parts of the picture share their attention, which is faster."""
    return _patched(model, diffusion.attention_patches.merge_tokens(ratio))


@node("PerturbedAttentionGuidance", category=CATEGORY)
def perturbed_attention_guidance(
    *, model: Model, scale: Annotated[float, Range(0.0, 100.0, step=0.01, round=0.01), "How strongly."] = 3.0
) -> Model:
    """Guide away from what the model draws when it does not look at the whole picture."""
    return _steered(model, diffusion.attention_patches.perturbed_attention(scale))


@node("SelfAttentionGuidance", category="_for_testing", display_name="Self-Attention Guidance", experimental=True)
def self_attention_guidance(
    *,
    model: Model,
    scale: Annotated[float, Range(-2.0, 5.0, step=0.01), "How strongly."] = 0.5,
    blur_sigma: Annotated[float, Range(0.0, 10.0, step=0.1), "How much to blur, in pixels of the latent."] = 2.0,
) -> Model:
    """Guide away from what the model draws when its important places are blurred."""
    return _steered(model, diffusion.attention_patches.self_attention(scale, blur_sigma))


def _multiplied(model: Model, factors: dict[str, float]) -> Model:
    return replace(model, network=diffusion.attention_patches.multiply(model.network, factors))


def _attention(name: str, q: float, k: float, v: float, out: float) -> dict[str, float]:
    return {f"{name}.to_q": q, f"{name}.to_k": k, f"{name}.to_v": v, f"{name}.to_out.0": out}


@node("UNetSelfAttentionMultiply", category=ATTENTION, experimental=True)
def unet_self_attention_multiply(
    *, model: Model, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Model:
    """Multiply the weights of the attention of the picture to itself."""
    return _multiplied(model, _attention("attn1", q, k, v, out))


@node("UNetCrossAttentionMultiply", category=ATTENTION, experimental=True)
def unet_cross_attention_multiply(
    *, model: Model, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Model:
    """Multiply the weights of the attention of the picture to the text."""
    return _multiplied(model, _attention("attn2", q, k, v, out))


@node("UNetTemporalAttentionMultiply", category=ATTENTION, experimental=True)
def unet_temporal_attention_multiply(
    *,
    model: Model,
    self_structural: Factor = 1.0,
    self_temporal: Factor = 1.0,
    cross_structural: Factor = 1.0,
    cross_temporal: Factor = 1.0,
) -> Model:
    """Multiply what attention gives, to the picture and to the text, within pictures and between frames."""
    structural = {"attn1": self_structural, "attn2": cross_structural}
    in_time = {"attn1": self_temporal, "attn2": cross_temporal}
    return replace(model, network=diffusion.attention_patches.temporal(model.network, structural, in_time))


@node("CLIPAttentionMultiply", category=ATTENTION, output_names=("CLIP",), experimental=True)
def clip_attention_multiply(
    *, clip: Clip, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Clip:
    """Multiply the weights of the attention of the text to itself."""
    ends = {"q_proj": q, "k_proj": k, "v_proj": v, "out_proj": out}
    factors = {f"self_attn.{end}": factor for end, factor in ends.items()}
    encoders = tuple(
        replace(encoder, network=diffusion.attention_patches.multiply(encoder.network, factors))
        for encoder in clip.encoders
    )
    return replace(clip, encoders=encoders)
