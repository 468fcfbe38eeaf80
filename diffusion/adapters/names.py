"""What the layers of a model are called in adapters: by kohya's scripts, diffusers, PEFT, LyCORIS. Without torch.

A layer is a weight's name without its last part. Names are compared with `_` for `.`, as kohya's scripts write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from diffusion.layouts import RES, UNET_ENDS

UNET = ("lora_unet_", "unet_", "diffusion_model_", "model_diffusion_model_", "base_model_model_", "lycoris_", "")
"""What stands before the name of a UNet's layer."""
TEXT = {
    "clip_l": ("lora_te_", "lora_te1_", "text_encoder_", "text_encoders_clip_l_transformer_", "lycoris_", ""),
    "clip_h": ("lora_te_", "lora_te1_", "text_encoder_", "text_encoders_clip_h_transformer_", "lycoris_", ""),
    "clip_g": ("lora_te2_", "text_encoder_2_", "text_encoders_clip_g_transformer_"),
}
"""The same for the text networks by their names."""

_RES = {ours: theirs for theirs, ours in RES.items()}
_ENDS = {ours: theirs for theirs, ours in UNET_ENDS.items()}


def flat(name: str) -> str:
    """As the names of layers are compared. Old diffusers files have an attention's `processor` in between."""
    return name.replace(".processor.", ".").replace(".", "_")


def unet_layers(names: Iterable[str]) -> dict[str, str]:
    """What adapters may call the layers of a UNet -> our names of them; `names` are those of its weights."""
    layers = dict.fromkeys(map(_layer, names))
    places = _diffusers_places(layers)
    known = {flat(layer): layer for layer in layers}
    for layer in layers:
        theirs = flat(_diffusers_name(layer, places))
        known |= {theirs: layer, theirs.removesuffix("_to_out_0") + "_to_out" * theirs.endswith("_to_out_0"): layer}
    return known


def text_layers(names: Iterable[str]) -> dict[str, str]:
    """The same for a text network."""
    return {flat(layer): layer for layer in dict.fromkeys(map(_layer, names))}


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def find(layer: str, known: Mapping[str, str], prefixes: Iterable[str]) -> str | None:
    """Our name of an adapter's layer, if the network has it."""
    name = flat(layer)
    found = (known.get(name.removeprefix(p)) for p in prefixes if name.startswith(p))
    return next((layer for layer in found if layer), None)


PLACE = re.compile(r"(input_blocks\.\d+\.\d+|output_blocks\.\d+\.\d+|middle_block\.\d+)\.(.+)")


def _diffusers_name(layer: str, places: Mapping[str, str]) -> str:
    if layer in _ENDS:
        return _ENDS[layer]
    match = PLACE.fullmatch(layer)
    if not match or match[1] not in places:
        return layer
    place = places[match[1]]
    if match[2] in ("op", "conv"):
        return f"{place}.conv"
    return f"{place}.{_RES.get(match[2], match[2])}"


def _diffusers_places(layers: Iterable[str]) -> dict[str, str]:
    """`input_blocks.4.0` -> `down_blocks.1.resnets.0`: the original counts blocks through, diffusers by level."""
    kinds = {m[1]: k for m in map(PLACE.fullmatch, layers) if m and (k := _kind(m[2]))}
    places: dict[str, str] = {}
    counts = {"resnets": 0, "attentions": 0}
    for place in sorted((p for p in kinds if p.startswith("middle")), key=_order):
        places[place] = f"mid_block.{kinds[place]}.{counts[kinds[place]]}"
        counts[kinds[place]] += 1
    for side, theirs, end in (("input", "down", "downsamplers"), ("output", "up", "upsamplers")):
        level, counts = 0, dict.fromkeys(counts, 0)
        for place in sorted((p for p in kinds if p.startswith(side)), key=_order):
            if kinds[place] == "resize":
                places[place] = f"{theirs}_blocks.{level}.{end}.0"
                level, counts = level + 1, dict.fromkeys(counts, 0)
            else:
                places[place] = f"{theirs}_blocks.{level}.{kinds[place]}.{counts[kinds[place]]}"
                counts[kinds[place]] += 1
    return places


def _kind(inner: str) -> str | None:
    if inner.startswith("in_layers."):
        return "resnets"
    if inner in ("op", "conv"):
        return "resize"
    return "attentions" if inner.startswith("transformer_blocks.") else None


def _order(place: str) -> list[int]:
    return [int(number) for number in place.split(".")[1:]]
