"""Where the networks of a model file are, and what they are called there. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diffusion import layouts
from diffusion.header import Shapes

UNET_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "unet.", "")
VAE_PREFIXES = ("first_stage_model.", "vae.", "")
TEXT_PREFIXES = ("cond_stage_model.transformer.", "conditioner.embedders.0.transformer.", "text_encoder.", "")
TEXT_MARK = "text_model.embeddings.token_embedding.weight"


@dataclass(frozen=True)
class Part:
    """One network of a file: the names under `prefix`, in our words by `names` (file's name without prefix -> ours)."""

    prefix: str
    names: Mapping[str, str]
    shapes: Shapes  # by our names


def find_unet(shapes: Shapes) -> Part | None:
    """The denoising network, in the original or in diffusers' layout; averaged (EMA) weights if there are no others."""
    for prefix in UNET_PREFIXES:
        inside = _under(shapes, prefix)
        if "input_blocks.0.0.weight" in inside and "time_embed.0.weight" in inside:
            return _part(prefix, inside, {n: n for n in inside if _is_unet(n)})
        if layouts.is_diffusers_unet(inside):
            return _part(prefix, inside, layouts.unet_names(inside))
    averaged = _under(shapes, "model_ema.")
    names = {name: layouts.ema_name(name) for name in averaged if name.startswith("diffusion_model")}
    return _part("model_ema.", averaged, names) if names else None


def _is_unet(name: str) -> bool:
    return name.startswith(("time_embed.", "label_emb.", "input_blocks.", "middle_block.", "output_blocks.", "out."))


def find_vae(shapes: Shapes) -> Part | None:
    """The autoencoder, in the original or in diffusers' layout."""
    for prefix in VAE_PREFIXES:
        inside = {n: s for n, s in _under(shapes, prefix).items() if _is_vae(n)}
        if layouts.is_diffusers_vae(inside):
            names = layouts.vae_names(inside)
            part = _part(prefix, inside, names)
            return Part(part.prefix, part.names, {n: _as_conv(n, s) for n, s in part.shapes.items()})
        if "decoder.conv_in.weight" in inside and "decoder.mid.block_1.norm1.weight" in inside:
            return _part(prefix, inside, {n: n for n in inside})
    return None


def _is_vae(name: str) -> bool:
    return name.startswith(("encoder.", "decoder.", "quant_conv.", "post_quant_conv."))


def _as_conv(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """diffusers stores the 1x1 convolutions of the VAE's attention as matrices."""
    return (*shape, 1, 1) if ".attn_1." in name and len(shape) == 2 else shape


def find_text(shapes: Shapes) -> Part | None:
    """The CLIP text network, whose names are the same everywhere but for what stands before them."""
    for prefix in TEXT_PREFIXES:
        inside = _under(shapes, prefix)
        if TEXT_MARK in inside:
            return _part(prefix, inside, {n: n for n in inside if n.startswith(("text_model.", "text_projection."))})
        if TEXT_MARK.removeprefix("text_model.") in inside:  # files of before transformers 4.31 lack the word
            return _part(prefix, inside, {n: f"text_model.{n}" for n in inside if n.startswith(TEXT_NAMES)})
    return None


TEXT_NAMES = ("embeddings.", "encoder.layers.", "final_layer_norm.")


def _under(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    return {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}


def _part(prefix: str, inside: Shapes, names: Mapping[str, str]) -> Part:
    return Part(prefix, names, {ours: inside[theirs] for theirs, ours in names.items()})


def context_width(part: Part) -> int:
    """The width of the conditioning that a UNet attends to."""
    return next((s[1] for n, s in part.shapes.items() if n.endswith("attn2.to_k.weight")), 0)
