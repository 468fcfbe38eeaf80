"""Where the networks of a model file are, and what they are called there. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from diffusion import layouts
from diffusion.header import Shapes

UNET_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "unet.", "")
VAE_PREFIXES = ("first_stage_model.", "vae.", "")
TEXT_PREFIXES = (
    "cond_stage_model.transformer.", "cond_stage_model.model.",
    "conditioner.embedders.0.transformer.", "conditioner.embedders.0.model.", "conditioner.embedders.1.model.",
    "text_encoder.", "text_encoder_2.", "text_encoders.clip_l.transformer.", "text_encoders.clip_g.transformer.",
    "clip_l.transformer.", "clip_h.transformer.", "clip_g.transformer.", "",
)  # fmt: skip
"""In this order: where a file has two text networks, that of CLIP-L comes first."""
TEXT_MARK = "text_model.embeddings.token_embedding.weight"
OPEN_MARK = "transformer.resblocks.0.attn.in_proj_weight"


@dataclass(frozen=True)
class Part:
    """One network of a file: the names under `prefix`, in our words by `names` (file's name without prefix -> ours).

    thirds: our names of tensors that the file keeps joined in threes -> the file's name and which third it is.
    turned: our names of matrices that the file keeps transposed.
    """

    prefix: str
    names: Mapping[str, str]
    shapes: Shapes  # by our names
    thirds: Mapping[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    turned: frozenset[str] = frozenset()


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


def find_texts(shapes: Shapes) -> list[Part]:
    """The CLIP text networks of a file, in transformers' or OpenCLIP's layout; CLIP-L first."""
    found = (_text(shapes, prefix) for prefix in TEXT_PREFIXES)
    return [part for part in found if part]


def find_text(shapes: Shapes) -> Part | None:
    """The first of them."""
    return next(iter(find_texts(shapes)), None)


def _text(shapes: Shapes, prefix: str) -> Part | None:
    inside = _under(shapes, prefix)
    if TEXT_MARK in inside:
        return _part(prefix, inside, {n: n for n in inside if n.startswith(("text_model.", "text_projection."))})
    if TEXT_MARK.removeprefix("text_model.") in inside:  # files of before transformers 4.31 lack the word
        return _part(prefix, inside, {n: f"text_model.{n}" for n in inside if n.startswith(TEXT_NAMES)})
    return _open_clip(prefix, inside) if OPEN_MARK in inside else None


def _open_clip(prefix: str, inside: Shapes) -> Part:
    """OpenCLIP keeps query, key and value of an attention joined, and the projection of the pooled text transposed."""
    names, thirds = layouts.open_clip_names(inside)
    part = _part(prefix, inside, names)
    shapes = dict(part.shapes)
    for ours, (theirs, _) in thirds.items():
        rows, *rest = inside[theirs]
        shapes[ours] = (rows // 3, *rest)
    turned = frozenset({layouts.PROJECTION} if layouts.TURNED in names else ())
    return Part(prefix, names, shapes | {n: shapes[n][::-1] for n in turned}, thirds, turned)


TEXT_NAMES = ("embeddings.", "encoder.layers.", "final_layer_norm.")


def _under(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    return {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}


def _part(prefix: str, inside: Shapes, names: Mapping[str, str]) -> Part:
    return Part(prefix, names, {ours: inside[theirs] for theirs, ours in names.items()})


def context_width(part: Part) -> int:
    """The width of the conditioning that a UNet attends to."""
    return next((s[1] for n, s in part.shapes.items() if n.endswith("attn2.to_k.weight")), 0)
