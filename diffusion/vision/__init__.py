"""Pictures as prompts: networks that see a picture, and what is made of what they see.

Sub-modules are imported when they are first used, so that files can be looked at without torch.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusion.vision import encode as encode
    from diffusion.vision import files as files
    from diffusion.vision import ip_adapter as ip_adapter
    from diffusion.vision import ip_attention as ip_attention
    from diffusion.vision import ip_choice as ip_choice
    from diffusion.vision import ip_files as ip_files
    from diffusion.vision import photomaker as photomaker
    from diffusion.vision import prepare as prepare
    from diffusion.vision import style as style


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__"):
        raise AttributeError(name)
    return importlib.import_module(f"diffusion.vision.{name}")
