"""Full-size Stable Diffusion 1.5 models of random numbers: the ones that the recorded pictures were made with.

Every tensor is drawn from a seed made of its own name, so that the files are the same to the bit wherever made.
Weights are scaled to keep activations near 1, and two parts behave as in a trained model: the UNet passes its input
through to its output, and so denoises a little; the variance of the VAE's latents is nearly 0.
"""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from diffusion.clip import ClipConfig, ClipText
from diffusion.unet import UNet
from diffusion.unet_config import Block, Res, Resize, Spatial, UNetConfig
from diffusion.vae import Autoencoder, VaeConfig

Shape = tuple[int, ...]
Tensors = dict[str, Tensor]

WIDTHS = (320, 640, 1280, 1280)
CONTEXT = 768
VAE = VaeConfig((128, 256, 512, 512), (128, 256, 512, 512), 2, 3, latent=4, inner=4, quant=True)
CLIP = ClipConfig(CONTEXT, 12, 12, 4 * CONTEXT, 77, 49408, quick=True, projection=None)
HINT = (3, 16, 16, 32, 32, 96, 96, 256, 320)  # channels of a ControlNet's way in for its picture

GAINS = {  # the standard deviation of an output, by the end of a layer's name; 1 where none is named
    r"time_embed\.0": 1.4,
    r"time_embed\.2": 1.6,
    r"in_layers\.2|\.conv1": 1.3,
    r"out_layers\.3|\.conv2|ff\.net\.2": 0.8,
    r"to_q|to_k|attn2\.to_v|attn_1\.q|attn_1\.k": 1.5,
    r"to_out\.0": 0.9,
    r"proj_out|decoder\.conv_out": 0.7,
    r"model\.out\.2": 0.6,
    r"\.quant_conv": 7.0,
    r"q_proj|k_proj": 1.3,
    r"out_proj|fc2": 0.5,
    r"fc1": 1.2,
    r"input_hint_block\.\d+": 1.5,
    r"zero_convs\.\d+\.0|middle_block_out\.0": 0.4,
}


def normal(key: str, shape: Shape, seed: int = 1) -> Tensor:
    """Normal numbers that the name alone decides; another seed gives others."""
    mixed = zlib.crc32(key.encode()) ^ ((seed - 1) * 0x9E3779B1 & 0xFFFFFFFF)
    return torch.randn(shape, generator=torch.Generator().manual_seed(mixed))


def layers(shapes: Mapping[str, Shape], seed: int) -> Tensors:
    """Weights and biases of layers and of norms, these near 1 and 0."""
    return {key: _layer(key, shapes, seed).half() for key in shapes}


def _layer(key: str, shapes: Mapping[str, Shape], seed: int) -> Tensor:
    layer, _, kind = key.rpartition(".")
    shape, values = shapes[key], normal(key, shapes[key], seed)
    norm = len(shapes[f"{layer}.weight"]) == 1
    if kind == "bias":
        return values * (0.05 if norm else 0.02)
    return 1 + 0.05 * values if norm else values * (_gain(layer) / math.sqrt(math.prod(shape[1:])))


def _gain(layer: str) -> float:
    return next((gain for end, gain in GAINS.items() if re.search(f"({end})$", layer)), 1.0)


def shapes_of(make: Callable[[], nn.Module], prefix: str) -> dict[str, Shape]:
    """The shape of each parameter of a network, which gets no memory for it."""
    with torch.device("meta"):
        return {prefix + name: tuple(p.shape) for name, p in make().named_parameters()}


def unet_config() -> UNetConfig:
    channels, skips = WIDTHS[0], [WIDTHS[0]]
    down: list[Block] = [(Resize("first", 4, channels),)]
    up: list[Block] = []
    for level, width in enumerate(WIDTHS):
        for _ in range(2):
            down.append(_blocks(channels, width, level))
            channels = width
        skips += [width, width]
        if level < 3:
            down.append((Resize("down", width, width),))
            skips.append(width)
    middle = (*_blocks(channels, channels, 0), Res(channels, channels, skip=False))
    for level, width in reversed(tuple(enumerate(WIDTHS))):
        for i in range(3):
            larger = (Resize("up", width, width),) if level and i == 2 else ()
            up.append((*_blocks(channels + skips.pop(), width, level), *larger))
            channels = width
    return UNetConfig(WIDTHS[0], 4 * WIDTHS[0], CONTEXT, 0, 4, tuple(down), middle, tuple(up))


def _blocks(channels: int, out: int, level: int) -> Block:
    residual = Res(channels, out, skip=channels != out)
    return (residual, Spatial(out, 1, linear=False)) if level < 3 else (residual,)


def unet(seed: int, prefix: str = "model.diffusion_model.") -> Tensors:
    tensors = layers(shapes_of(lambda: UNet(unet_config()), prefix), seed)
    first, last = tensors[f"{prefix}input_blocks.0.0.weight"], tensors[f"{prefix}out.2.weight"]
    skip = tensors[f"{prefix}output_blocks.11.0.skip_connection.weight"]
    for n in range(64):  # each latent channel 8 times, and its negative: SiLU(x) - SiLU(-x) = x
        latent, sign, at = n // 2 % 4, 1 - n % 2 * 2, 5 * n
        first[at], skip[at], last[:, at] = 0, 0, 0
        first[at, latent, 1, 1] = sign * 2.0
        skip[at, skip.shape[1] - WIDTHS[0] + at] = 1
        last[latent, at, 1, 1] = sign * 0.8 * 1.8 / (2 * 2 * 8)
    return tensors


def vae(seed: int, prefix: str = "first_stage_model.") -> Tensors:
    tensors = layers(shapes_of(lambda: Autoencoder(VAE), prefix), seed)
    tensors[f"{prefix}quant_conv.weight"][4:] *= 0.01
    tensors[f"{prefix}quant_conv.bias"][4:] = -20  # log of the variance
    return tensors


def clip(seed: int, prefix: str = "cond_stage_model.transformer.") -> Tensors:
    shapes = shapes_of(lambda: ClipText(CLIP), prefix)
    at = f"{prefix}text_model."
    embeddings = {f"{at}embeddings.position_ids": torch.arange(77)[None]}
    for name, scale in (("token", 0.5), ("position", 0.2)):
        key = f"{at}embeddings.{name}_embedding.weight"
        embeddings[key] = (normal(at + name[:3], shapes.pop(key), seed) * scale).half()
    return layers(shapes, seed) | embeddings


def checkpoint(seed: int) -> Tensors:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    schedule = {"betas": betas.float(), "alphas_cumprod": (1 - betas).cumprod(0).float()}
    return unet(seed) | vae(seed) | clip(seed) | schedule


def controlnet(seed: int, prefix: str = "control_model.") -> Tensors:
    """The UNet's first half, and a convolution for the hint and for each of its outputs."""
    half = ("time_embed.", "input_blocks.", "middle_block.")
    config = unet_config()
    shapes = {k: s for k, s in shapes_of(lambda: UNet(config), prefix).items() if k.startswith(half, len(prefix))}
    convolutions = [(f"input_hint_block.{2 * n}", HINT[n], HINT[n + 1], 3) for n in range(8)]
    for i, block in enumerate(config.input_blocks):
        out = block[0].out if not isinstance(block[0], Spatial) else block[0].channels
        convolutions.append((f"zero_convs.{i}.0", out, out, 1))
    convolutions.append(("middle_block_out.0", WIDTHS[-1], WIDTHS[-1], 1))
    for name, channels, out, size in convolutions:
        shapes |= {f"{prefix}{name}.weight": (out, channels, size, size), f"{prefix}{name}.bias": (out,)}
    return layers(shapes, seed)


def lora(seed: int) -> Tensors:
    """Of rank 8, in kohya's layout, for all matrices of the UNet's transformers and of the text network's layers."""
    tensors: Tensors = {}
    for name, (out, channels, *rest) in _lora_layers():
        down, up = normal(f"{name}d", (8, channels, *rest), seed), normal(f"{name}u", (out, 8, *rest), seed)
        tensors[f"{name}.lora_down.weight"] = (down / math.sqrt(channels)).half()
        tensors[f"{name}.lora_up.weight"] = (up * (0.8 / math.sqrt(8))).half()
        tensors[f"{name}.alpha"] = torch.tensor(4.0).half()
    return tensors


def _lora_layers() -> Iterator[tuple[str, Shape]]:
    shapes = shapes_of(lambda: UNet(unet_config()), "") | shapes_of(lambda: ClipText(CLIP), "lora_te.")
    for key, shape in shapes.items():
        block = re.match(r"(input|middle|output)_(?:blocks\.(\d+)|block)\.1\.(proj_|transformer_blocks)", key)
        text = "encoder.layers" in key
        if len(shape) > 1 and key.endswith(".weight") and (block or text):
            name = f"{_diffusers_name(block[1], int(block[2] or 0))}.{key[block.start(3) :]}" if block else key
            yield name.removesuffix(".weight").replace(".", "_"), shape


def _diffusers_name(part: str, i: int) -> str:
    if part == "middle":
        return "lora_unet_mid_block_attentions_0"
    blocks, block, attention = ("down", i // 3, i % 3 - 1) if part == "input" else ("up", i // 3, i % 3)
    return f"lora_unet_{blocks}_blocks_{block}_attentions_{attention}"


CACHE = Path(tempfile.gettempdir()) / "mezzotint-random-models"
"""Where tests keep the models from one run to the next."""

MAKERS: dict[str, tuple[str, Callable[[], Tensors]]] = {
    "sd15_rand.safetensors": ("checkpoints", partial(checkpoint, 1)),
    "sd15_rand2.safetensors": ("checkpoints", partial(checkpoint, 2)),
    "cn_rand.safetensors": ("controlnet", partial(controlnet, 1)),
    "lora_rand.safetensors": ("loras", partial(lora, 1)),
}


def model(name: str, folder: Path) -> Path:
    """The path of the model in `folder`, where it is made if it is not yet there."""
    path = folder / name
    if not path.exists():
        print(f"making the random model {path}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:  # so that the file is whole wherever it is
            save_file(MAKERS[name][1](), Path(place) / name, metadata={"format": "pt"})
            os.replace(Path(place) / name, path)
    return path
