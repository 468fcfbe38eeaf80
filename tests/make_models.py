"""Small random models of each family, in the layout that its published files have: `python tests/make_models.py DIR`.

Networks are as narrow as their family allows, weights are normal numbers that the tensors' names decide. Where the
standard tells a family by numbers or by marks in the file, these have them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

if not __package__:  # run as a script, whose own folder holds other packages named `diffusion` and `nodes`
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from diffusion.clip import ClipConfig, ClipText
from diffusion.unet import UNet
from diffusion.unet_config import Block, Res, Resize, Spatial, UNetConfig, stable_diffusion
from diffusion.vae import Autoencoder, VaeConfig
from diffusion.vision.network import ClipVisionNetwork, VisionConfig
from tests.random_models import layers, normal, shapes_of

Tensors = dict[str, Tensor]

WIDTH, TOKENS = 64, 49408
L, G = 64, 128  # widths of the text networks
NUMBER = 256  # the embedding of each number that Stable Diffusion XL is told
UNET, VAE = "model.diffusion_model.", "first_stage_model."
LEVELS = {8: (32, 32, 32, 64), 4: (32, 32, 64)}  # channels of the autoencoder by its factor

# --- networks ------------------------------------------------------------------------------------


def text(width: int, prefix: str, *, projected: bool = False, depth: int = 2) -> Tensors:
    """A CLIP text network as transformers keeps it."""
    config = ClipConfig(width, depth, width // 64, 2 * width, 77, TOKENS, True, width if projected else None)
    shapes = shapes_of(lambda: ClipText(config), prefix)
    embeddings = {name: shapes.pop(name) for name in list(shapes) if "_embedding." in name}
    drawn = {name: (normal(name, shape) * 0.3).half() for name, shape in embeddings.items()}
    return layers(shapes, 1) | drawn | {f"{prefix}text_model.embeddings.position_ids": torch.arange(77)[None]}


OPEN_CLIP = (
    (r"text_model\.embeddings\.token_embedding\.weight", "token_embedding.weight"),
    (r"text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"text_model\.final_layer_norm\.", "ln_final."),
    (r"text_model\.encoder\.layers\.(\d+)\.", r"transformer.resblocks.\1."),
    (r"layer_norm(\d)\.", r"ln_\1."),
    (r"self_attn\.out_proj", "attn.out_proj"),
    (r"mlp\.fc1", "mlp.c_fc"),
    (r"mlp\.fc2", "mlp.c_proj"),
)


def open_clip(tensors: Mapping[str, Tensor], prefix: str) -> Tensors:
    """A text network in OpenCLIP's layout: one matrix for query, key and value; the projection transposed."""
    made: Tensors = {f"{prefix}logit_scale": torch.tensor(4.6)}
    for name, tensor in tensors.items():
        part = re.fullmatch(r"(.*)self_attn\.q_proj\.(weight|bias)", name)
        if part:
            three = [tensors[f"{part[1]}self_attn.{x}_proj.{part[2]}"] for x in "qkv"]
            made[prefix + _open(part[1]) + f"attn.in_proj_{part[2]}"] = torch.cat(three)
        elif name == "text_projection.weight":
            made[f"{prefix}text_projection"] = tensor.T.contiguous()
        elif not re.search(r"[kv]_proj|position_ids", name):
            made[prefix + _open(name)] = tensor
    return made


def _open(name: str) -> str:
    for pattern, theirs in OPEN_CLIP:
        name = re.sub(pattern, theirs, name)
    return name


VISION = {
    "class_embedding": "class_embedding",
    "patch_embedding.weight": "conv1.weight",
    "pre_layrnorm.weight": "ln_pre.weight",
    "pre_layrnorm.bias": "ln_pre.bias",
    "post_layernorm.weight": "ln_post.weight",
    "post_layernorm.bias": "ln_post.bias",
}


def vision(width: int, prefix: str) -> Tensors:
    """A CLIP vision network in OpenCLIP's layout, for pictures of 32 x 32, embedded in `width` numbers."""
    config = VisionConfig(ClipConfig(WIDTH, 2, 1, 2 * WIDTH, 5, 0, True, width, causal=False), 16)
    shapes = shapes_of(lambda: ClipVisionNetwork(config), "")
    tensors = {name: (normal(name, shape) * 0.1).half() for name, shape in shapes.items()}
    tensors |= {n: t + 1 for n, t in tensors.items() if re.search(r"norm\d?\.weight", n)}
    made = {prefix + "proj": tensors.pop("visual_projection.weight").T}
    for name in list(tensors):
        end = next((theirs for ours, theirs in VISION.items() if name.endswith(ours)), None)
        if end:
            made[prefix + end] = tensors.pop(name)
    return made | open_clip({n.replace("vision_model.", "text_model."): t for n, t in tensors.items()}, prefix)


def vae(factor: int = 8, prefix: str = VAE) -> Tensors:
    levels = LEVELS[factor]
    config = VaeConfig(levels, levels, 1, 2, latent=4, inner=4, quant=True)
    tensors = layers(shapes_of(lambda: Autoencoder(config), prefix), 1)
    tensors[f"{prefix}quant_conv.bias"][4:] = -20  # log of the variance
    return tensors


def unet(config: UNetConfig, prefix: str = UNET) -> Tensors:
    shapes = shapes_of(lambda: UNet(config), prefix)
    lone = f"{prefix}label_emb.weight"  # a table, which is no layer
    table = {lone: normal(lone, shapes.pop(lone)).half()} if lone in shapes else {}
    return layers(shapes, 1) | table


# --- families ------------------------------------------------------------------------------------

sd1_config = partial(stable_diffusion, 32, (1, 2), (1, 1), context=L)
sd2_config = partial(stable_diffusion, WIDTH, (1, 2), (1, 1), context=L, linear=True, heads=0)
xl_config = partial(stable_diffusion, WIDTH, (1, 2), (0, 2), context=L + G, label=G + 6 * NUMBER, linear=True, heads=0)


def sd1(**options: Any) -> Tensors:
    return unet(sd1_config(**options)) | vae() | text(L, "cond_stage_model.transformer.")


def lcm() -> Tensors:
    return sd1() | unet(replace(sd1_config(), guidance_channels=256))


def sd2(config: UNetConfig | None = None, spread: float = 0.05, factor: int = 8) -> Tensors:
    """spread: the standard deviation of the bias by which the standard tells v from eps."""
    tensors = unet(config or sd2_config())
    last = max(name for name in tensors if re.search(r"output_blocks.*\.norm1\.bias", name))
    tensors[last] = (tensors[last].float() / tensors[last].float().std() * spread).half()
    return tensors | vae(factor) | open_clip(text(L, "", projected=True), "cond_stage_model.model.")


def unclip(seen: int = L) -> Tensors:
    """Its `y` is the embedding of a picture, `seen` wide, and that of a level of noise."""
    config = sd2_config(label=2 * seen)
    mean, deviation = normal("mean", (1, seen)) * 0.1, 1 + 0.1 * normal("deviation", (1, seen))
    own = {"noise_augmentor.data_mean": mean, "noise_augmentor.data_std": deviation}
    return sd2(config, spread=0.12) | vision(seen, "embedder.model.visual.") | own


def upscaler() -> Tensors:
    """Its outer transformers attend to the text alone, and a class says how much noise its picture has."""
    config = replace(sd2_config(in_channels=7), classes=1000, heads=8)

    def crossed(block: Block) -> Block:
        return tuple(
            replace(x, crossed=x.channels != config.context_dim) if isinstance(x, Spatial) else x for x in block
        )

    config = replace(
        config,
        input_blocks=tuple(map(crossed, config.input_blocks)),
        output_blocks=tuple(map(crossed, config.output_blocks)),
    )
    return sd2(config, factor=4)


def xl_texts() -> Tensors:
    small = text(L, "conditioner.embedders.0.transformer.")
    return small | open_clip(text(G, "", projected=True), "conditioner.embedders.1.model.")


def xl(config: UNetConfig | None = None, marks: Mapping[str, Sequence[float]] | None = None) -> Tensors:
    """marks: tensors that only say something, with their values."""
    said = {name: torch.tensor(values) for name, values in (marks or {}).items()}
    return unet(config or xl_config()) | vae() | xl_texts() | said


def xl_lora() -> Tensors:
    """In kohya's layout, for one matrix of the middle."""
    at, inner = "lora_unet_mid_block_attentions_0_proj_in", 2 * WIDTH
    down, up = normal(f"{at}d", (4, inner)) / inner**0.5, normal(f"{at}u", (inner, 4)) / 2
    tensors = {"lora_down.weight": down.half(), "lora_up.weight": up.half(), "alpha": torch.tensor(4.0).half()}
    return {f"{at}.{name}": tensor for name, tensor in tensors.items()}


def refiner() -> Tensors:
    config = stable_diffusion(
        WIDTH, (1, 2, 2), (0, 1, 0), context=G, label=G + 5 * NUMBER, linear=True, heads=0, middle_depth=1
    )
    return unet(config) | vae() | open_clip(text(G, "", projected=True), "conditioner.embedders.0.model.")


def pruned(middle: Block) -> UNetConfig:
    """Like SSD-1B, Vega and KOALA: fewer blocks and layers here than there, and less of a middle."""
    first: Block = (Resize("first", 4, WIDTH),)
    inner = 2 * WIDTH

    def attended(depth: int) -> Block:
        return (Spatial(inner, depth, linear=True),)

    down = (
        first,
        (Res(WIDTH, WIDTH, False),),
        (Resize("down", WIDTH, WIDTH),),
        (Res(WIDTH, inner, True), *attended(2)),
    )
    up = (
        (Res(2 * inner, inner, True), *attended(2)),
        (Res(inner + WIDTH, inner, True), *attended(1), Resize("up", inner, inner)),
        (Res(inner + WIDTH, WIDTH, True),),
        (Res(2 * WIDTH, WIDTH, True),),
    )
    return replace(xl_config(), input_blocks=down, middle_block=middle, output_blocks=up)


EDM_MARKS = {"edm_mean": (0.0,) * 4, "edm_std": (1.0,) * 4}
COS_MARKS = {"edm_vpred.sigma_max": (100.0,), "edm_vpred.sigma_min": (0.01,)}

MAKERS: dict[str, Callable[[], Tensors]] = {
    "sd1": sd1,
    "sd1_inpainting": partial(sd1, in_channels=9),
    "sd1_editing": partial(sd1, in_channels=8),
    "sd1_lcm": lcm,
    "sd2": sd2,
    "sd2_v": partial(sd2, spread=0.12),
    "sd2_inpainting": lambda: sd2(sd2_config(in_channels=9)),
    "sd2_depth": lambda: sd2(sd2_config(in_channels=5)),
    "unclip": unclip,
    "unclip_l": partial(unclip, 48),  # whose pictures are not as wide as its text
    "x4_upscaler": upscaler,
    "sdxl": xl,
    "sdxl_v": partial(xl, marks={"v_pred": (0.0,), "ztsnr": (0.0,)}),
    "sdxl_inpainting": lambda: xl(xl_config(in_channels=9)),
    "sdxl_editing": lambda: xl(xl_config(in_channels=8)),
    "cosxl_editing": lambda: xl(xl_config(in_channels=8), COS_MARKS),
    "cosxl": partial(xl, marks=COS_MARKS),
    "playground": partial(xl, marks=EDM_MARKS),
    "ssd": lambda: xl(pruned((Res(2 * WIDTH, 2 * WIDTH, False),))),
    "koala": lambda: xl(pruned(())),
    "refiner": refiner,
    "xl_lora": xl_lora,
}
"""Checkpoints by the name of their family, and what belongs to one."""


def write(name: str, folder: Path) -> Path:
    """The file of a family in `folder`, made if it is not there."""
    path = folder / f"{name}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        save_file({n: t.contiguous().clone() for n, t in MAKERS[name]().items()}, path, metadata={"format": "pt"})
    return path


if __name__ == "__main__":
    for family in MAKERS:
        print(write(family, Path(sys.argv[1])))
