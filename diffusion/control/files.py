"""What a control file holds, from the names and shapes in its header. Without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from diffusion import detect, layouts
from diffusion.header import Header, ModelFileError, Shapes, read_header
from diffusion.parts import Part, context_width

PREFIXES = ("control_model.", "controlnet.", "adapter.", "")
KINDS = ("ControlNet", "Control-LoRA", "T2I-Adapter")
DIFFERENCE, LORA = "difference", "lora_controlnet"
"""Names of tensors that only mark what a file is: the difference to a model's own weights, or a LoRA of them."""

HINT = re.compile(r"controlnet_cond_embedding\.(conv_in|blocks\.(\d+)|conv_out)\.(\w+)")
ZERO = re.compile(r"controlnet_down_blocks\.(\d+)\.(\w+)")
KEPT = ("task_embedding", "transformer_layes.", "spatial_ch_projs.", "control_add_embedding.")
ADAPTER_BLOCKS = 2  # residual blocks a level in the original's numbering, which counts them through


def find(header: Header) -> tuple[str, Part]:
    """The kind of control in a file, one of KINDS, and where it is.

    Raises ModelFileError, which says what the file is, where there is none.
    """
    for prefix in PREFIXES:
        inside = {name[len(prefix) :]: s for name, s in header.shapes.items() if name.startswith(prefix)}
        names = _names(inside)
        if names is not None:
            kind, table = names
            return kind, Part(prefix, table, {ours: inside[theirs] for theirs, ours in table.items()})
    raise ModelFileError(f"{header.path.name} is no ControlNet or T2I-Adapter; it is {_what(header)}")


def _what(header: Header) -> str:
    try:
        return f"a {detect.family(header)[0].name} model; load it with Load Checkpoint"
    except ModelFileError:
        return detect.what(header.shapes)


def _names(shapes: Shapes) -> tuple[str, Mapping[str, str]] | None:
    own = {name: name for name in shapes if name not in (DIFFERENCE, LORA)}
    if LORA in shapes:
        return "Control-LoRA", own
    if "zero_convs.0.0.weight" in shapes and "input_blocks.0.0.weight" in shapes:
        return "ControlNet", own
    if "controlnet_cond_embedding.conv_in.weight" in shapes and layouts.is_diffusers_unet(shapes):
        return "ControlNet", controlnet_names(shapes)
    if "body.0.resnets.0.block1.weight" in shapes:
        return "T2I-Adapter", own
    if "body.0.block1.weight" in shapes or "body.0.body.0.block1.weight" in shapes:
        return "T2I-Adapter", adapter_names(shapes)
    return None


def controlnet_names(shapes: Shapes) -> dict[str, str]:
    """diffusers' names of a ControlNet -> ours, which are the original's."""
    blocks = 1 + max(int(m[2]) for name in shapes if (m := HINT.fullmatch(name)) and m[2])
    half = layouts.unet_names({n: s for n, s in shapes.items() if not n.startswith(("controlnet_", *KEPT))})
    others = {n: _controlnet_name(n, blocks) for n in shapes if n not in half}
    return half | others


def _controlnet_name(name: str, blocks: int) -> str:
    if match := HINT.fullmatch(name):
        number = 0 if match[1] == "conv_in" else blocks + 1 if match[1] == "conv_out" else int(match[2]) + 1
        return f"input_hint_block.{2 * number}.{match[3]}"
    if match := ZERO.fullmatch(name):
        return f"zero_convs.{match[1]}.0.{match[2]}"
    return name.replace("controlnet_mid_block.", "middle_block_out.0.")


def adapter_names(shapes: Shapes) -> dict[str, str]:
    """The original's names of a T2I-Adapter -> diffusers'. The light kind already counts by level."""
    light = "body.0.body.0.block1.weight" in shapes
    return {name: _light_name(name) if light else _adapter_name(name) for name in shapes}


def _light_name(name: str) -> str:
    return re.sub(r"^(body\.\d+)\.body\.", r"\1.resnets.", name)


def _adapter_name(name: str) -> str:
    match = re.fullmatch(r"body\.(\d+)\.(\w+)\.(\w+)", name)
    if not match:
        return name
    level, block = divmod(int(match[1]), ADAPTER_BLOCKS)
    inner = match[2] if match[2] == "in_conv" else f"resnets.{block}.{match[2]}"
    return f"body.{level}.{inner}.{match[3]}"


def inspect(path: Path) -> dict[str, int]:
    """The sizes of a file's control network; none of a T2I-Adapter. Raises ModelFileError if it has none."""
    _, part = find(read_header(path))
    width = context_width(part) or next((s[1] for n, s in part.shapes.items() if n.endswith("attn2.to_k.down")), 0)
    return {"context width": width} if width else {}


def is_difference(header: Header) -> bool:
    """Whether the weights of a ControlNet are to be added to those of the model that it was trained with."""
    return any(name.endswith(DIFFERENCE) for name in header.shapes)


def require_whole(path: Path) -> None:
    """Raises ModelFileError if the file has no control network that can be used without a model at hand."""
    header = read_header(path)
    find(header)
    if is_difference(header):
        raise ModelFileError(
            f"{path.name} holds only the difference to a model's weights; "
            "load it with Load ControlNet Model (diff), which takes that model"
        )
