"""Networks that enlarge pictures. Torch is imported by `load` only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from diffusion.upscaling.kinds import inspect as inspect

if TYPE_CHECKING:
    from diffusion.upscaling.upscaler import Upscaler


def load(path: Path) -> Upscaler:
    """The upscaler of a file. Raises ModelFileError, which says what the file is, if it is none."""
    from diffusion.upscaling.files import load

    return load(path)
