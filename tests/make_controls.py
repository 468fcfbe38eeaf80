"""Small random control networks that fit the models of `make_models`: `python tests/make_controls.py DIR`.

Each is in the layout that its published files have.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

if not __package__:  # run as a script, whose own folder holds other packages named `diffusion` and `nodes`
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from diffusion.clip import ClipConfig
from diffusion.control.adapter import Adapter, AdapterConfig
from diffusion.control.net import ControlNet, ControlNetConfig, UnionControlNet
from diffusion.gligen import Fuser, PositionNet
from diffusion.unet_config import Spatial, UNetConfig
from diffusion.vision.network import ClipVisionNetwork, VisionConfig
from diffusion.vision.photomaker import PhotoMakerNetwork
from diffusion.vision.style import StyleAdapter
from tests.diffusion.upscaling.random_upscalers import rrdb
from tests.make_models import WIDTH, G, L, sd1_config, sd2_config, xl_config
from tests.random_models import layers, normal, shapes_of

Tensors = dict[str, Tensor]

HINT = (3, 16, 16, 32, 32, 48, 48, 64)
NO_LAYERS = r"(task_embedding|class_embedding|_embedding\.weight|in_proj_\w+|style_embedding|proj|null_\w+|alpha_\w+)$"


def drawn(shapes: dict[str, tuple[int, ...]]) -> Tensors:
    """Layers, and tensors that are none, which are small numbers."""
    lone = {
        n: shapes.pop(n) for n in list(shapes) if re.search(NO_LAYERS, n) and not n.endswith("patch_embedding.weight")
    }
    return layers(shapes, 1) | {n: (normal(n, s) * 0.1).half() for n, s in lone.items()}


def controlnet(config: UNetConfig, prefix: str = "control_model.") -> Tensors:
    whole = ControlNetConfig(config, (*HINT, config.model_channels))
    return drawn(shapes_of(lambda: ControlNet(whole), prefix))


def union() -> Tensors:
    """In diffusers' layout, as its published files are, but for the blocks, whose names are the original's."""
    config = xl_config()
    whole = ControlNetConfig(config, (*HINT, WIDTH), types=8, depth=1, flag=256)
    return drawn(shapes_of(lambda: UnionControlNet(whole), ""))


def difference() -> Tensors:
    return controlnet(sd1_config()) | {"difference": torch.zeros(1)}


def control_lora() -> Tensors:
    """Of rank 4, for every matrix of the UNet's way down; what the UNet has not is whole."""
    made: Tensors = {"lora_controlnet": torch.zeros(1)}
    for name, tensor in controlnet(xl_config(), "").items():
        stem = name.removesuffix(".weight")
        if name.startswith(("zero_convs", "input_hint_block", "middle_block_out")):
            made[name] = tensor
        elif tensor.dim() > 1:
            made[f"{stem}.up"] = normal(f"{stem}.up", (len(tensor), 4)).half() * 0.1
            made[f"{stem}.down"] = normal(f"{stem}.down", (4, *tensor.shape[1:])).half() * 0.1
    return made


def adapter() -> Tensors:
    widths = (32, 64)
    return drawn(shapes_of(lambda: Adapter(AdapterConfig(3, 8, widths, widths, 2)), "adapter."))


def gligen() -> Tensors:
    made = shapes_of(lambda: PositionNet(L, 32, 48), "position_net.")
    config = sd1_config()
    blocks = {f"input_blocks.{i}": b for i, b in enumerate(config.input_blocks)}
    blocks |= {"middle_block": config.middle_block}
    blocks |= {f"output_blocks.{i}": b for i, b in enumerate(config.output_blocks)}
    for at, block in blocks.items():
        for i, layer in enumerate(block):
            if isinstance(layer, Spatial):
                prefix = f"{at}.{i}.transformer_blocks.0.fuser."
                made |= shapes_of(partial(Fuser, layer.channels, 48, 8), prefix)
    return drawn(made)


VISION = VisionConfig(ClipConfig(WIDTH, 2, 1, 2 * WIDTH, 5, 0, True, L, causal=False), 16)


def vision() -> Tensors:
    return drawn(shapes_of(lambda: ClipVisionNetwork(VISION), ""))


def photomaker() -> Tensors:
    """Its network alone; the published file holds it as `id_encoder`."""
    return drawn(shapes_of(lambda: PhotoMakerNetwork(VISION, G, L + G), ""))


def style() -> Tensors:
    return drawn(shapes_of(lambda: StyleAdapter(4, WIDTH, 1, L), ""))


MAKERS: dict[str, tuple[str, Callable[[], Tensors]]] = {
    "controlnet_sd1": ("controlnet", lambda: controlnet(sd1_config())),
    "controlnet_sd2": ("controlnet", lambda: controlnet(sd2_config())),
    "controlnet_sdxl": ("controlnet", lambda: controlnet(xl_config())),
    "controlnet_difference": ("controlnet", difference),
    "control_lora_sdxl": ("controlnet", control_lora),
    "union_sdxl": ("controlnet", union),
    "t2i_sd1": ("controlnet", adapter),
    "gligen": ("gligen", gligen),
    "vision": ("clip_vision", vision),
    "style": ("style_models", style),
    "photomaker_network": ("photomaker", photomaker),
    "upscaler": ("upscale_models", rrdb),
    "upscaler_x2": ("upscale_models", partial(rrdb, channels=12)),
}
"""By name: the folder of models that the file belongs to, and how it is made."""


def write(name: str, folder: Path) -> Path:
    """The file in `folder`, made if it is not there."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        save_file({n: t.contiguous().clone() for n, t in MAKERS[name][1]().items()}, path, metadata={"format": "pt"})
    return path


if __name__ == "__main__":
    for control in MAKERS:
        print(write(control, Path(sys.argv[1]) / MAKERS[control][0]))
