"""Narrow random models under the names of published ones, so that graphs which name those run to the end.

Only sizes and numbers of steps of a graph are changed; all that it says of models, prompts and order stays.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import nodes
from diffusion import checkpoint
from diffusion.adapters import names
from diffusion.placement import Resident
from executor.declared import Folder
from executor.node import registry
from tests import make_controls, make_models, make_prompts
from tests.random_models import normal

assert nodes.__name__

Graph = dict[str, Any]
Tensors = dict[str, torch.Tensor]

STAND_INS = {  # which of our models stands in for a published one
    "sd_xl_base_1.0.safetensors": "sdxl",
    "sd_xl_1.0.safetensors": "sdxl",
    "sd_xl_refiner_1.0.safetensors": "refiner",
    "sd_xl_turbo_1.0_fp16.safetensors": "sdxl",
    "albedobaseXL_v21.safetensors": "sdxl_v",
    "cosxl.safetensors": "cosxl",
    "cosxl_edit.safetensors": "cosxl_editing",
    "512-inpainting-ema.safetensors": "sd2_inpainting",
    "512-depth-ema.ckpt": "sd2_depth",
    "v2-1_768-ema-pruned.ckpt": "sd2_v",
    "v2-1_768-ema-pruned.safetensors": "sd2_v",
    "x4-upscaler-ema.safetensors": "x4_upscaler",
    "sd21-unclip-h.ckpt": "unclip",
    "instruct-pix2pix-00-22000.safetensors": "sd1_editing",
    "v1-5-pruned-emaonly.ckpt": "sd1",
    "v1-5-pruned-emaonly-fp16.safetensors": "sd1",
    "DreamShaper_8_pruned.safetensors": "sd1_other",
    "cardosAnime_v10.safetensors": "sd1_other",
    "wd-illusion-fp16.safetensors": "sd1",
    "Anything-V3.0.ckpt": "sd1",
    "AbyssOrangeMix2_hard.safetensors": "sd1_other",
    "AOM3A1.safetensors": "sd1",
    "AOM3A3.safetensors": "sd1",
    "m.safetensors": "sd1",
    "kl-f8-anime2.ckpt": "sd1",  # a VAE is found in a checkpoint as well
    "vae-ft-mse-840000-ema-pruned.safetensors": "sd1",
    "lcm_lora_sdxl.safetensors": "xl_lora",
    "epiNoiseoffset_v2.safetensors": "sd1_lora",
    "theovercomer8sContrastFix_sd15.safetensors": "sd1_lora",
    "control_openpose.safetensors": "controlnet_sd1",
    "control_scribble.safetensors": "t2i_sd1",
    "control_v11p_sd15_canny_fp16.safetensors": "controlnet_sd1",
    "control_v11f1e_sd15_tile_fp16.safetensors": "controlnet_sd1",
    "control_v11p_sd15_inpaint_fp16.safetensors": "controlnet_sd1",
    "diff_control_sd15_depth_fp16.safetensors": "controlnet_difference",
    "t2iadapter_canny_sd15v2.pth": "t2i_sd1",
    "diffusion_pytorch_model_promax.safetensors": "union_sdxl",
    "control-lora-canny-rank256.safetensors": "control_lora_sdxl",
    "gligen_sd14_textbox_pruned.safetensors": "gligen",
    "t2iadapter_style_sd14v1.pth": "style",
    "clip-vit-large-patch14.safetensors": "vision",
    "ip-adapter-plus_sd15.safetensors": "ip_adapter",
    "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors": "vision",
    "photomaker-v1.bin": "photomaker",
    "dantionMarbleStatues_10.pt": "hypernetwork",
    "my_hypernetwork.pt": "hypernetwork",
    "EasyNegative.safetensors": "embedding",
    "RealESRGAN_x2.pth": "upscaler_x2",
    "RealESRGAN_x4plus.pth": "upscaler",
}
FILE = re.compile(r"[^/\\]+\.(safetensors|ckpt|pth|pt|bin)")
EMBEDDING = re.compile(r"embedding:([\w.-]+)")
SMALLER = 8
LEAST = {"width": 64, "height": 64}
SIDES = {"width", "height", "x", "y", "left", "right", "top", "bottom"}
STEPS = {"steps", "start_at_step", "end_at_step"}


def files(graph: Graph) -> Iterator[tuple[str, str]]:
    """The files of models that a graph names: the folder and the name of each."""
    for node in graph.values():
        spec = registry.get(node["class_type"])
        for name, value in node["inputs"].items():
            choices = spec.inputs[name].choices if spec and name in spec.inputs else None
            if isinstance(choices, Folder) and isinstance(value, str):
                yield choices.name, value
            elif name == "ipadapter_file":
                yield "ipadapter", value
            elif name.startswith("text") and isinstance(value, str):
                yield from (("embeddings", f"{found}.safetensors") for found in EMBEDDING.findall(value))


def furnished(graph: Graph, base: Path, stock: Path) -> Graph:
    """The graph made small, and below `base` what it needs. stock: where models stay from one graph to the next."""
    for folder, name in files(graph):
        place = base / "models" / folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            os.link(_file(STAND_INS[name], place.suffix, stock), place)
    graph = copy.deepcopy(graph)
    for node in graph.values():
        node["inputs"] = {name: smaller(name, value) for name, value in node["inputs"].items()}
        if node["class_type"].startswith("LoadImage"):
            _picture(base / "input" / node["inputs"]["image"])
    return graph


def smaller(name: str, value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if name in SIDES:
        return max(value // SMALLER // 8 * 8, LEAST.get(name, 0)) if value else value
    return -(-value // SMALLER) if name in STEPS else value


def _picture(path: Path) -> None:
    """Noise, transparent on its left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 4), np.uint8)
    pixels[..., 3] = np.where(np.arange(48) > 24, 255, 0)
    image = Image.fromarray(pixels, "RGBA")
    (image if path.suffix in (".png", ".webp") else image.convert("RGB")).save(path)


# --- files ---------------------------------------------------------------------------------------


def _file(ours: str, suffix: str, stock: Path) -> Path:
    """A model of ours as safetensors, or pickled under any other ending."""
    path = stock / f"{ours}{suffix}"
    if not path.exists():
        stock.mkdir(parents=True, exist_ok=True)
        content = OTHERS[ours](stock) if ours in OTHERS else load_file(_written(ours, stock))
        save_file(content, path) if suffix == ".safetensors" else torch.save(content, path)
    return path


def _written(ours: str, stock: Path) -> Path:
    return (make_models if ours in make_models.MAKERS else make_controls).write(ours, stock)


def other(stock: Path) -> Tensors:
    """A checkpoint that differs from `sd1` a little, as one trained further does."""
    tensors = load_file(_written("sd1", stock))
    return {
        name: t + 0.01 * normal(f"{name} other", tuple(t.shape)).half() if t.is_floating_point() else t
        for name, t in tensors.items()
    }


def lora(stock: Path) -> Tensors:
    """In kohya's words, for every matrix and convolution of the UNet and of the text network's layers."""
    model, clip, _ = checkpoint.load(_written("sd1", stock))
    assert isinstance(model.network, Resident)
    flat = {layer: name for name, layer in names.unet_layers(model.network.shapes).items()}
    layers = {f"lora_unet_{flat[n]}": s for n, s in _matrices(model.network.shapes)}
    for encoder in clip.encoders:
        assert isinstance(encoder.network, Resident)
        inner = ((n, s) for n, s in _matrices(encoder.network.shapes) if ".layers." in n)
        layers |= {f"lora_te_{n.replace('.', '_')}": s for n, s in inner}
    made: Tensors = {}
    for name, (out, *rest) in layers.items():
        made[f"{name}.lora_up.weight"] = normal(f"{name}u", (out, 2, *[1] * (len(rest) - 1))) * 0.1
        made[f"{name}.lora_down.weight"] = normal(f"{name}d", (2, *rest)) * 0.3
        made[f"{name}.alpha"] = torch.ones(())
    return made


def _matrices(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    weights = ((n.removesuffix(".weight"), s) for n, s in shapes.items() if n.endswith(".weight"))
    return ((n, s) for n, s in weights if len(s) > 1)


def hypernetwork(stock: Path) -> dict[Any, Any]:
    def state(width: int) -> Tensors:
        return {
            "linear.0.weight": normal(f"hyper {width} 0", (2 * width, width)) * 0.2,
            "linear.0.bias": torch.zeros(2 * width),
            "linear.1.weight": normal(f"hyper {width} 1", (width, 2 * width)) * 0.2,
            "linear.1.bias": torch.zeros(width),
        }

    return {width: (state(width), state(width)) for width in (64, 32)} | {"name": "x"}


OTHERS: dict[str, Callable[[Path], Any]] = {
    "sd1_other": other,
    "sd1_lora": lora,
    "hypernetwork": hypernetwork,
    "ip_adapter": lambda stock: load_file(make_prompts.write("ip-adapter-plus_sd15.safetensors", stock)),
    "photomaker": lambda stock: {"id_encoder": load_file(_written("photomaker_network", stock)), "lora_weights": {}},
    "embedding": lambda stock: {"emb_params": normal("embedding", (2, make_models.L)) * 0.1},
}
"""What is no file of `make_models` or `make_controls`, or not one as it is."""
