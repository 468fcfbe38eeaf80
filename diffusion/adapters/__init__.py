"""Adapters: files that change the weights of a model (LoRA and its kin), merges of models, and how to extract them.

Sub-modules are imported by name; `names` and `files` need no torch.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusion.adapters import extract as extract
    from diffusion.adapters import files as files
    from diffusion.adapters import hypernetwork as hypernetwork
    from diffusion.adapters import load as load
    from diffusion.adapters import merge as merge
    from diffusion.adapters import names as names


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return importlib.import_module(f"diffusion.adapters.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"diffusion.adapters.{name}":
            raise
        raise AttributeError(f"diffusion.adapters has no module {name}") from None
