"""Names of layers: those of diffusers are found wherever diffusers' names lead to ours."""

from __future__ import annotations

from typing import Any

import pytest

from diffusion.adapters import names
from diffusion.layouts import unet_names
from tests.random_models import shapes_of, unet_config


def diffusers_shapes(kind: str) -> dict[str, tuple[int, ...]]:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    depth: Any = (1, 2, 3) if kind == "xl" else 1
    sizes: dict[str, Any] = {"block_out_channels": (32, 64, 64), "norm_num_groups": 8, "cross_attention_dim": 16}
    cross, plain = "CrossAttn{}Block2D", "{}Block2D"
    levels = (plain, cross, cross) if kind == "xl" else (cross, cross, plain)
    model = UNet2DConditionModel(
        **sizes,
        down_block_types=tuple(n.format("Down") for n in levels),
        up_block_types=tuple(n.format("Up") for n in reversed(levels)),
        transformer_layers_per_block=depth,
        attention_head_dim=8,
    )
    return {name: tuple(p.shape) for name, p in model.named_parameters()}


@pytest.mark.parametrize("kind", ["xl", "sd"])
def test_every_layer_is_found_by_its_name_in_diffusers(kind: str):
    shapes = diffusers_shapes(kind)
    ours = unet_names(shapes)
    known = names.unet_layers(ours.values())
    for theirs, name in ours.items():
        layer, want = theirs.rpartition(".")[0], name.rpartition(".")[0]
        for written in (f"lora_unet_{layer.replace('.', '_')}", f"unet.{layer}", layer, f"base_model.model.{layer}"):
            assert names.find(written, known, names.UNET) == want
        assert names.find(f"diffusion_model.{want}", known, names.UNET) == want
        assert names.find(f"lora_unet_{want.replace('.', '_')}", known, names.UNET) == want


def test_the_attention_processors_of_old_files_are_found():
    known = names.unet_layers(unet_names(diffusers_shapes("sd")).values())
    at = "unet.down_blocks.0.attentions.1.transformer_blocks.0.attn2"
    ours = "input_blocks.2.1.transformer_blocks.0.attn2"
    assert names.find(f"{at}.processor.to_q", known, names.UNET) == f"{ours}.to_q"
    assert names.find(f"{at}.processor.to_out", known, names.UNET) == f"{ours}.to_out.0"


def test_names_of_other_networks_are_not_found():
    from diffusion.unet import UNet

    known = names.unet_layers(shapes_of(lambda: UNet(unet_config()), ""))
    for name in ("lora_te_text_model_encoder_layers_0_mlp_fc1", "lora_unet_", "lora_unet_double_blocks_0_img_attn_qkv"):
        assert names.find(name, known, names.UNET) is None


@pytest.mark.parametrize(
    ("encoder", "written"),
    [
        ("clip_l", "lora_te_{_}"),
        ("clip_l", "lora_te1_{_}"),
        ("clip_l", "text_encoder.{.}"),
        ("clip_h", "lora_te_{_}"),
        ("clip_g", "lora_te2_{_}"),
        ("clip_g", "text_encoder_2.{.}"),
        ("clip_g", "text_encoders.clip_g.transformer.{.}"),
    ],
)
def test_text_networks_are_told_apart(encoder: str, written: str):
    layer = "text_model.encoder.layers.0.self_attn.q_proj"
    known = names.text_layers([f"{layer}.weight", f"{layer}.bias"])
    name = written.replace("{_}", layer.replace(".", "_")).replace("{.}", layer)
    assert names.find(name, known, names.TEXT[encoder]) == layer
    others = [other for other in names.TEXT if other != encoder and names.find(name, known, names.TEXT[other])]
    assert "clip_g" not in others
    assert encoder != "clip_g" or not others
