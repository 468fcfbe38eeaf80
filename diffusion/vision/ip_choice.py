"""Which of the files that are there belong together: an IP-Adapter by a word, and the vision network that it reads.

Without torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from diffusion.header import ModelFileError, read_header
from diffusion.vision import files
from diffusion.vision.ip_files import AdapterParts

Family = str
SD1, XL = "Stable Diffusion 1", "Stable Diffusion XL"
PRESETS: dict[str, dict[Family, str]] = {
    "LIGHT - SD1.5 only (low strength)": {SD1: "ip-adapter_sd15_light"},
    "STANDARD (medium strength)": {SD1: "ip-adapter_sd15", XL: "ip-adapter_sdxl_vit-h"},
    "VIT-G (medium strength)": {SD1: "ip-adapter_sd15_vit-g", XL: "ip-adapter_sdxl"},
    "PLUS (high strength)": {SD1: "ip-adapter-plus_sd15", XL: "ip-adapter-plus_sdxl_vit-h"},
    "PLUS FACE (portraits)": {SD1: "ip-adapter-plus-face_sd15", XL: "ip-adapter-plus-face_sdxl_vit-h"},
    "FULL FACE - SD1.5 only (portraits stronger)": {SD1: "ip-adapter-full-face_sd15"},
}
"""The names of the published files, without their endings."""


def adapter(preset: str, family: Family, names: Iterable[str]) -> str:
    """The file of a preset among `names`, which may be in folders. Raises ModelFileError if it is not there."""
    published = PRESETS[preset].get(family)
    if published is None:
        raise ModelFileError(f"there is no IP-Adapter of the preset {preset!r} for {family}; choose another preset")
    wanted = re.compile(re.escape(_plain(published)) + r"(_v\d+)?")
    for name in sorted(names):
        if wanted.fullmatch(_plain(Path(name.replace("\\", "/")).stem)):
            return name
    raise ModelFileError(
        f"models/ipadapter holds no {published}.safetensors, which is the IP-Adapter of the preset {preset!r} for "
        f"{family}; put the file there, or choose another preset"
    )


def require_any(preset: str, names: Sequence[str]) -> None:
    """Raises ModelFileError if `names` have a file of the preset for no family of models."""
    for family in PRESETS[preset]:
        try:
            adapter(preset, family, names)
            return
        except ModelFileError:
            continue
    wanted = " or ".join(f"{name}.safetensors ({family})" for family, name in PRESETS[preset].items())
    raise ModelFileError(
        f"models/ipadapter holds no {wanted}, which is the IP-Adapter of the preset {preset!r}; put the file there, or "
        "choose another preset"
    )


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def vision(parts: AdapterParts, paths: Iterable[Path], name: str, wanted: str) -> Path:
    """The first file whose vision network an adapter can read. name, wanted: of the adapter and what it needs.

    Raises ModelFileError if there is none.
    """
    for path in paths:
        try:
            shapes = files.find(read_header(path)).shapes
        except ModelFileError:
            continue
        width = shapes["vision_model.embeddings.class_embedding"][0]
        embedding = shapes.get("visual_projection.weight", (width,))[0]
        if parts.seen == (embedding if parts.kind == "plain" else width):
            return path
    raise ModelFileError(f"models/clip_vision holds no network that {name} can read; put {wanted} there")
