"""The layers that an adapter's file changes, read from the names in its header. Without torch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from diffusion import detect
from diffusion.header import Header, ModelFileError, Shapes, read_header

Layers = dict[str, dict[str, str]]
"""layer -> part -> name in the file."""
PARTS = {
    "up": (".lora_up.weight", "_lora.up.weight", ".lora.up.weight", ".lora_linear_layer.up.weight", ".lora_B.weight",
           ".lora_B.default.weight", ".lora_B.default_0.weight", ".lora_B"),
    "down": (".lora_down.weight", "_lora.down.weight", ".lora.down.weight", ".lora_linear_layer.down.weight",
             ".lora_A.weight", ".lora_A.default.weight", ".lora_A.default_0.weight", ".lora_A"),
    "mid": (".lora_mid.weight",),
    "dora_scale": (".dora_scale", ".lora_magnitude_vector", ".lora_magnitude_vector.weight",
                   ".lora_magnitude_vector.default.weight"),
    "diff": (".diff", ".w_norm"),
    "diff_b": (".diff_b", ".b_norm"),
    **{part: (f".{part}",) for part in (
        "alpha", "rescale", "oft_blocks", "a1.weight", "a2.weight", "b1.weight", "b2.weight",
        "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
        "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2",
    )},
}  # fmt: skip
"""Parts of a layer's change, and how their names end: in files of kohya's scripts and LyCORIS, diffusers, PEFT."""
CROSS = re.compile(r"attn2[._](processor\.)?to_[kv]$").search
"""Finds the layers that read the conditioning."""
_ENDINGS = sorted(((end, part) for part, ends in PARTS.items() for end in ends), key=lambda e: -len(e[0]))


def layers(names: Iterable[str]) -> tuple[Layers, list[str]]:
    """layer -> part -> name in the file; and the names that are no part of any change."""
    found: Layers = {}
    other: list[str] = []
    for name in names:
        end, part = next(((end, part) for end, part in _ENDINGS if name.endswith(end)), ("", ""))
        if part:
            found.setdefault(name.removesuffix(end), {})[part] = name
        else:
            other.append(name)
    return found, other


def inspect(path: Path) -> dict[str, int]:
    """What an adapter tells of the model that it was made for: the width of the conditioning that it attends to.

    Raises ModelFileError if the file is none.
    """
    header = read_header(path)
    adapter_layers(header)
    width = context_width(header.shapes)
    return {"context width": width} if width else {}


def context_width(shapes: Shapes) -> int:
    """The width of the conditioning that an adapter's cross-attentions read; 0 where it does not tell."""
    widths = (_inputs(parts, shapes) for layer, parts in layers(shapes)[0].items() if CROSS(layer))
    return next((width for width in widths if width), 0)


def _inputs(parts: Mapping[str, str], shapes: Shapes) -> int:
    """The width of a matrix's input; 0 where the change does not tell."""
    for part in ("down", "diff", "hada_w1_b", "b2.weight"):
        if part in parts and len(shapes[parts[part]]) > 1:
            return shapes[parts[part]][1]
    return 0


def adapter_layers(header: Header) -> Layers:
    """The layers of an adapter. Raises ModelFileError if the file is something else, and says what."""
    found, _ = layers(header.entries)
    if any(parts.keys() != {"alpha"} for parts in found.values()):
        return found
    try:
        what = f"a {detect.family(header)[0].name} model"
    except ModelFileError:
        what = detect.what(header.shapes)
    raise ModelFileError(f"{header.path.name} is no LoRA nor another adapter, but {what}")


def settings(header: Header) -> Mapping[str, Any]:
    """What PEFT says of an adapter beside its tensors: in the metadata, where diffusers writes it by network
    (`{"unet.lora_alpha": 8, "unet.use_rslora": true, ...}`), or in PEFT's own file beside it (without `unet.`)."""
    text = header.metadata.get("lora_adapter_metadata", "")
    beside = header.path.with_name("adapter_config.json")
    try:
        if not text and header.path.stem == "adapter_model" and beside.is_file():
            text = beside.read_text("utf-8")
        table = json.loads(text or "{}")
    except (ValueError, OSError):
        return {}
    return cast("dict[str, Any]", table) if isinstance(table, dict) else {}


def told_alpha(told: Mapping[str, Any], layer: str, rank: int) -> float | None:
    """The alpha of a layer of this rank by the settings, so that the change is scaled by alpha / rank.

    Of rsLoRA (Kalajdzievski 2023) the scale is alpha / sqrt(rank).
    """
    network, _, inner = layer.partition(".")
    own = {key.removeprefix(f"{network}."): value for key, value in told.items() if key.startswith(f"{network}.")}
    own = own or told
    alpha, patterns = own.get("lora_alpha", own.get("alpha")), own.get("alpha_pattern")
    if isinstance(patterns, dict):
        single = cast("dict[str, Any]", patterns).items()
        alpha = next((value for end, value in single if f".{inner}".endswith(f".{end}")), alpha)
    if not isinstance(alpha, int | float):
        return None
    return float(alpha) * math.sqrt(rank) if own.get("use_rslora") is True else float(alpha)


BUNDLED = "bundle_emb."


def bundled(names: Iterable[str]) -> list[str]:
    """The textual-inversion embeddings that an adapter brings along, by the words that stand for them."""
    return sorted({name.split(".")[1] for name in names if name.startswith(BUNDLED)})


OTHERS = (
    ("Flux", r"double_blocks|single_blocks|single_transformer_blocks"),
    ("Stable Diffusion 3", r"joint_blocks|(lora_)?transformer[._]transformer_blocks"),
    ("Stable Cascade", r"lora_prior_|^prior[._]"),
    ("a transformer diffusion model", r"^(lora_)?transformer[._]|^(diffusion_model\.|lora_unet_)(blocks|layers)[._]\d"),
)
"""Families that are not ours by names of layers."""
BASES = {
    "SD1": "Stable Diffusion 1",
    "SD2": "Stable Diffusion 2",
    "SDXL": "Stable Diffusion XL",
    "refiner": "the Stable Diffusion XL refiner",
}
"""Our families in words."""
WIDTHS = {768: "SD1", 1024: "SD2", 2048: "SDXL", 1280: "refiner"}
"""Families by the width of their conditioning."""


def made_for(shapes: Shapes) -> str:
    """In words, the models that an adapter was made for; empty if nothing tells."""
    for name, pattern in OTHERS:
        if any(re.search(pattern, tensor) for tensor in shapes):
            return name
    width = context_width(shapes)
    return BASES[WIDTHS[width]] if width in WIDTHS else ""
