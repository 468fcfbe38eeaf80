"""Learning: noise is added, the network is asked for it, and what it answers wrongly changes some weights.

`objective` is one question and its loss; `adapters` are the weights that change; `loop` asks again and again.
Sub-modules are imported by name, such as `diffusion.training.adapter_files`.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusion.training import adapter_files as adapter_files
    from diffusion.training import adapters as adapters
    from diffusion.training import loop as loop
    from diffusion.training import objective as objective


def __getattr__(name: str) -> ModuleType:
    if name not in ("adapter_files", "adapters", "loop", "objective"):
        raise AttributeError(name)
    return importlib.import_module(f"diffusion.training.{name}")
