"""The layers that an adapter's file changes, read from the names in its header. Without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from diffusion import detect
from diffusion.header import Header, ModelFileError, Shapes, read_header

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
_ENDINGS = sorted(((end, part) for part, ends in PARTS.items() for end in ends), key=lambda e: -len(e[0]))


def layers(names: Iterable[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """layer -> part -> name in the file; and the names that are no part of any change."""
    found: dict[str, dict[str, str]] = {}
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
    shapes, found = header.shapes, adapter_layers(header)
    for layer, parts in found.items():
        if layer.endswith(("attn2.to_k", "attn2_to_k", "attn2.to_v", "attn2_to_v", "attn2.processor.to_k")):
            width = _inputs(parts, shapes)
            if width:
                return {"context width": width}
    return {}


def _inputs(parts: Mapping[str, str], shapes: Shapes) -> int:
    """The width of a matrix's input; 0 where the change does not tell."""
    for part in ("down", "diff", "hada_w1_b", "b2.weight"):
        if part in parts and len(shapes[parts[part]]) > 1:
            return shapes[parts[part]][1]
    return 0


def adapter_layers(header: Header) -> dict[str, dict[str, str]]:
    """The layers of an adapter. Raises ModelFileError if the file is something else, and says what."""
    found, _ = layers(header.entries)
    if any(parts.keys() != {"alpha"} for parts in found.values()):
        return found
    try:
        what = f"a {detect.family(header)[0].name} model"
    except ModelFileError:
        what = detect.what(header.shapes)
    raise ModelFileError(f"{header.path.name} is no LoRA nor another adapter, but {what}")


def told_alpha(header: Header, layer: str) -> float | None:
    """The alpha that diffusers puts into the metadata, by network: `{"unet.lora_alpha": 8, ...}`."""
    try:
        table = json.loads(header.metadata.get("lora_adapter_metadata", "{}"))
    except ValueError:
        return None
    known = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
    alpha = known.get(f"{layer.partition('.')[0]}.lora_alpha")
    return float(alpha) if isinstance(alpha, int | float) else None
