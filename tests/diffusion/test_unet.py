"""The UNet: published sizes, and the same numbers as diffusers' from the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from bench.random_checkpoint import SD1, SD2, SDXL, build, random_state
from diffusion import detect, layouts
from diffusion.header import read_header
from diffusion.unet import UNet, timestep_embedding
from diffusion.unet_config import UNetConfig, stable_diffusion
from diffusion.weights import assemble, open_weights
from tests.diffusion.test_layouts import UNETS, theirs

PUBLISHED = {"SD 1": (SD1, 686, 859_520_964), "SD 2": (SD2, 686, 865_910_724), "SD XL": (SDXL, 1680, 2_567_463_684)}


def error(ours: Tensor, reference: Tensor) -> float:
    return float((ours - reference).norm() / reference.norm())


@pytest.mark.parametrize("kind", PUBLISHED)
def test_published_layouts(kind: str):
    config, tensors, parameters = PUBLISHED[kind]
    state = build(config).state_dict()
    assert (len(state), sum(t.numel() for t in state.values())) == (tensors, parameters)
    assert UNetConfig.from_shapes({name: tuple(t.shape) for name, t in state.items()}) == config


def narrow(kind: str) -> tuple[UNet, UNet2DConditionModel]:
    """The same random weights in our network and in diffusers'."""
    torch.manual_seed(1)
    his = theirs(kind)
    names = layouts.unet_names({name: tuple(t.shape) for name, t in his.state_dict().items()})
    ours = build(stable_diffusion(**UNETS[kind][1]))
    state = random_state(ours, torch.float32)
    ours.load_state_dict(state, assign=True)
    his.load_state_dict({name: state[our] for name, our in names.items()})
    return ours, his


@pytest.mark.parametrize("kind", UNETS)
@pytest.mark.parametrize("size", [(8, 8), (12, 20), (9, 13)])
def test_equals_diffusers_on_random_weights(kind: str, size: tuple[int, int]):
    ours, his = narrow(kind)
    x, context, timesteps = torch.randn(2, 4, *size), torch.randn(2, 9, 24), torch.tensor([0.0, 731.5])
    text, ids = torch.randn(2, 16), torch.randn(2, 6)
    added = {"text_embeds": text, "time_ids": ids} if kind == "SD XL" else None
    y = torch.cat((text, timestep_embedding(ids.flatten(), 4).view(2, -1)), 1) if added else None
    with torch.no_grad():
        reference = his(x, timesteps, context, added_cond_kwargs=added).sample
        assert error(ours(x, timesteps, context, y), reference) < 1e-5


def test_equals_diffusers_on_the_starter(starter: Path):
    header = read_header(starter)
    _, part = detect.family(header)
    weights = open_weights(starter, header).of(part)
    state = {name: t.float() for name, t in weights.tensors.items()}
    ours = assemble(lambda: UNet(UNetConfig.from_shapes(part.shapes, detect.heads(header, "unet"))), weights, "UNet")
    ours.float()
    his = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(64, 128, 128, 128),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=128,
        attention_head_dim=8,
    ).eval()
    names = layouts.unet_names({name: tuple(t.shape) for name, t in his.state_dict().items()})
    his.load_state_dict({name: state[our] for name, our in names.items()})
    torch.manual_seed(0)
    x, context, timesteps = torch.randn(2, 4, 16, 16), torch.randn(2, 77, 128), torch.tensor([981.0, 20.0])
    with torch.no_grad():
        assert error(ours(x, timesteps, context), his(x, timesteps, context).sample) < 1e-5


def test_items_of_a_batch_do_not_meet():
    ours, _ = narrow("SD 1")
    x, context, timesteps = torch.randn(3, 4, 8, 8), torch.randn(3, 9, 24), torch.tensor([3.0, 500.0, 999.0])
    with torch.no_grad():
        together = ours(x, timesteps, context)
        apart = torch.cat([ours(x[i : i + 1], timesteps[i : i + 1], context[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)


def test_heads_are_told_or_follow_the_convention():
    conv, linear = build(stable_diffusion(64, (1, 2), (1, 1), context=8)), build(SD2)
    shapes = [{name: tuple(t.shape) for name, t in u.state_dict().items()} for u in (conv, linear)]
    assert UNetConfig.from_shapes(shapes[0]).heads_of(64) == 8
    assert UNetConfig.from_shapes(shapes[0], heads=2).heads_of(128) == 2
    assert [UNetConfig.from_shapes(shapes[1]).heads_of(c) for c in (320, 640, 1280)] == [5, 10, 20]


def test_foreign_names_are_no_layer():
    with pytest.raises(ValueError, match=r"input_blocks\.0\.0 is no layer"):
        UNetConfig.from_shapes(
            {"time_embed.0.weight": (8, 2), "out.2.weight": (4, 2, 3, 3), "input_blocks.0.0.what": (1,)}
        )
