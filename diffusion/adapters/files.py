"""The layers that an adapter's file changes, read from the names in its header. Without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from diffusion.header import Shapes, read_header

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

    Raises ModelFileError if the file is none that can be read.
    """
    shapes = read_header(path).shapes
    found, _ = layers(shapes)
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
