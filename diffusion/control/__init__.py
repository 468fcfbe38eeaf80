"""ControlNets, T2I-Adapters and their kin: networks that look at a picture and add to the states of a UNet.

Sub-modules are imported when they are first used, so that files can be looked at without torch.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusion.control import apply as apply
    from diffusion.control import files as files
    from diffusion.control import handle as handle
    from diffusion.control import hints as hints
    from diffusion.control import load as load


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__"):
        raise AttributeError(name)
    return importlib.import_module(f"diffusion.control.{name}")
