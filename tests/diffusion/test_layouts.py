"""The name tables map diffusers' layout onto the original one, one to one."""

from __future__ import annotations

from typing import Any

import pytest
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from bench.random_checkpoint import SD1, build
from diffusion import layouts, parts
from diffusion.unet_config import stable_diffusion


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(t.shape) for name, t in network.state_dict().items()}


CROSS, PLAIN = "CrossAttn", ""
UNETS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "SD 1": (
        {"block_out_channels": (32, 64, 64), "cross_attention_dim": 24, "attention_head_dim": 4},
        {"width": 32, "multiples": (1, 2, 2), "depths": (1, 1, 0), "context": 24, "heads": 4},
    ),
    "SD 2": (
        {
            "block_out_channels": (64, 128, 128),
            "cross_attention_dim": 24,
            "attention_head_dim": (1, 2, 2),
            "use_linear_projection": True,
        },
        {"width": 64, "multiples": (1, 2, 2), "depths": (1, 1, 0), "context": 24, "linear": True, "heads": 0},
    ),
    "SD XL": (
        {
            "block_out_channels": (64, 128, 128),
            "cross_attention_dim": 24,
            "attention_head_dim": (1, 2, 2),
            "use_linear_projection": True,
            "transformer_layers_per_block": (1, 2, 2),
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 4,
            "projection_class_embeddings_input_dim": 40,
        },
        {
            "width": 64,
            "multiples": (1, 2, 2),
            "depths": (1, 2, 0),
            "context": 24,
            "linear": True,
            "heads": 0,
            "label": 40,
        },
    ),
}


def theirs(kind: str) -> UNet2DConditionModel:
    """A narrow diffusers UNet of three levels, with attention on the first two."""
    down = ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D")
    up = ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D")
    network = UNet2DConditionModel(sample_size=8, down_block_types=down, up_block_types=up, **UNETS[kind][0])
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("kind", UNETS)
def test_unet_names_are_a_bijection_onto_ours(kind: str):
    his = shapes(theirs(kind))
    ours = shapes(build(stable_diffusion(**UNETS[kind][1])))
    names = layouts.unet_names(his)
    assert len(set(names.values())) == len(names)
    assert {names[name]: shape for name, shape in his.items()} == ours


def vae_of(**options: Any) -> AutoencoderKL:
    levels = len(options["block_out_channels"])
    options["down_block_types"] = ("DownEncoderBlock2D",) * levels
    options["up_block_types"] = ("UpDecoderBlock2D",) * levels
    return AutoencoderKL(latent_channels=4, **options)


OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


@pytest.mark.parametrize("old", [False, True])
def test_vae_names_are_a_bijection_onto_the_starters(old: bool, starter_shapes: dict[str, tuple[int, ...]]):
    his = shapes(vae_of(block_out_channels=(64, 96, 128, 192), layers_per_block=1))
    for new, name in OLD.items() if old else ():
        his = {n.replace(f".{new}.", f".{name}."): s for n, s in his.items()}
    part = parts.find_vae(his)
    assert part is not None
    prefix = "first_stage_model."
    assert part.shapes == {n[len(prefix) :]: s for n, s in starter_shapes.items() if n.startswith(prefix)}
    assert len(part.names) == len(part.shapes)


def test_names_without_dots_are_read_back():
    for name in shapes(build(SD1)):
        assert layouts.ema_name("diffusion_model" + name.replace(".", "")) == name
