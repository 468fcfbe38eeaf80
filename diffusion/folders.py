"""Models that are kept as a folder, with one sub-folder a network, as diffusers saves them. Without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from diffusion import detect
from diffusion.header import ModelFileError


def _forms(stem: str, pickle: str) -> tuple[str, ...]:
    """The names that the weights of a network may have, the best first."""
    kinds = ("safetensors", "safetensors.index.json", "fp16.safetensors", "safetensors.index.fp16.json")
    return (*(f"{stem}.{kind}" for kind in kinds), f"{pickle}.bin", f"{pickle}.fp16.bin")


NETWORK = _forms("diffusion_pytorch_model", "diffusion_pytorch_model")
TEXT = _forms("model", "pytorch_model")
NAMES = {"unet": NETWORK, "vae": NETWORK, "text_encoder": TEXT, "text_encoder_2": TEXT}


def file(folder: Path, part: str) -> Path:
    """The weights of one network. Raises ModelFileError if there are none."""
    for name in NAMES[part]:
        if (folder / part / name).is_file():
            return folder / part / name
    raise ModelFileError(f"{folder.name}/{part} holds none of {', '.join(NAMES[part])}")


def inspect(folder: Path) -> dict[str, int]:
    """The sizes that the headers tell. Raises ModelFileError if a network is missing or cannot be run."""
    detect.inspect_vae(file(folder, "vae"))
    for part in texts(folder):
        detect.inspect_text(file(folder, part))
    return detect.inspect(file(folder, "unet"))


def texts(folder: Path) -> list[str]:
    """The sub-folders of the text encoders: two of Stable Diffusion XL, the second alone of its refiner."""
    return [part for part in ("text_encoder", "text_encoder_2") if (folder / part).is_dir()] or ["text_encoder"]


def prediction(folder: Path) -> str:
    """What the scheduler's settings say that the network predicts: `v`, `eps`, or nothing: ``."""
    told = _table(folder / "scheduler/scheduler_config.json").get("prediction_type")
    return detect.PREDICTIONS.get(str(told), "")


def heads(folder: Path, part: str) -> int:
    """The attention heads of `unet` or `text_encoder`, the same at every level; 0 = not told, or given by level.

    What a UNet's settings call `attention_head_dim` is a number of heads, unless `num_attention_heads` is beside it.
    """
    told = _table(folder / part / "config.json")
    count = told.get("num_attention_heads") or told.get("attention_head_dim")
    return count if type(count) is int and count > 0 else 0


def _table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}
