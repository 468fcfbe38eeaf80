"""What a GLIGEN file holds, from the names and shapes in its header. Without torch."""

from __future__ import annotations

import re
from pathlib import Path

from diffusion import detect, layouts
from diffusion.header import Header, ModelFileError, read_header
from diffusion.parts import Part

FUSER = re.compile(
    r"(?:.*\.)?((?:input|output)_blocks\.\d+\.\d+|middle_block\.\d+)\.transformer_blocks\.0\.fuser\.(.+)"
)
POSITION = re.compile(r"(?:.*\.)?(position_net\..+)")


def find(header: Header) -> Part:
    """Its layers for boxes: `position_net.X`, and `fusers.PLACE.X` with - for . in the place of each in the UNet.

    The UNet itself, which some files hold as well, is left out. Raises ModelFileError if there are none.
    """
    shapes = header.shapes
    known = layouts.unet_names(shapes) if layouts.is_diffusers_unet(shapes) else {n: n for n in shapes}
    names: dict[str, str] = {}
    for theirs, name in known.items():
        if match := POSITION.fullmatch(name):
            names[theirs] = match[1]
        elif match := FUSER.fullmatch(name):
            names[theirs] = f"fusers.{match[1].replace('.', '-')}.{match[2]}"
    part = Part("", names, {ours: shapes[theirs] for theirs, ours in names.items()})
    if "position_net.null_positive_feature" not in part.shapes or len(names) < 12:
        raise ModelFileError(f"{header.path.name} is no GLIGEN model for text boxes; it is {detect.what(shapes)}")
    return part


def inspect(path: Path) -> dict[str, int]:
    """The sizes of a GLIGEN file. Raises ModelFileError if it is none."""
    shapes = find(read_header(path)).shapes
    return {"context width": shapes["position_net.null_positive_feature"][0]}
