"""T2I-Adapters give diffusers' numbers, alone and in the UNet, in both layouts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.adapter import T2IAdapter
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file

from bench.random_checkpoint import build, random_state
from diffusion import layouts
from diffusion.control import load
from diffusion.control.handle import AdapterControl
from diffusion.model import SD15, Model
from diffusion.prediction import discrete
from diffusion.unet_config import stable_diffusion
from tests.diffusion.control.test_net import saved
from tests.diffusion.test_unet import error

KINDS: dict[str, dict[str, Any]] = {
    "full": {"adapter_type": "full_adapter", "channels": [32, 64, 64, 64]},
    "light": {"adapter_type": "light_adapter", "channels": [32, 64, 64], "num_res_blocks": 4},
    "XL": {"adapter_type": "full_adapter_xl", "channels": [32, 64, 96, 96], "downscale_factor": 16},
    "grey": {"adapter_type": "full_adapter", "channels": [32, 64, 64, 64], "in_channels": 1},
}


def adapter(kind: str, path: Path) -> tuple[T2IAdapter, AdapterControl]:
    torch.manual_seed(1)
    his = T2IAdapter(**KINDS[kind]).eval()
    control = load.load(saved(his, path / "adapter.safetensors"))
    assert isinstance(control, AdapterControl)
    return his, control


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(8, 8), (9, 14)])
def test_equals_diffusers(kind: str, size: tuple[int, int], tmp_path: Path):
    his, control = adapter(kind, tmp_path)
    step = control.config.shrink
    pixels = [-(-8 * n // step) * step for n in size]
    hint = torch.rand(2, 3, *pixels)
    with torch.no_grad():
        want = his(hint.mean(1, keepdim=True) if kind == "grey" else hint)
        got = control.look(hint, *size)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert error(a, b) < 1e-5


def test_the_originals_layout_counts_blocks_through(tmp_path: Path):
    his, ours = adapter("full", tmp_path)

    def original(name: str) -> str:
        name = name.removeprefix("adapter.")
        name = re.sub(r"body\.(\d)\.resnets\.(\d)", lambda m: f"body.{2 * int(m[1]) + int(m[2])}", name)
        return re.sub(r"body\.(\d)\.in_conv", lambda m: f"body.{2 * int(m[1])}.in_conv", name)

    save_file({original(n): t for n, t in his.state_dict().items()}, tmp_path / "t2iadapter.safetensors")
    other = load.load(tmp_path / "t2iadapter.safetensors")
    assert isinstance(other, AdapterControl)
    assert other.config == ours.config
    hint = torch.rand(1, 3, 64, 64)
    assert all(error(a, b) < 1e-6 for a, b in zip(other.look(hint, 8, 8), ours.look(hint, 8, 8), strict=True))


def test_the_light_originals_layout_counts_by_level(tmp_path: Path):
    his, ours = adapter("light", tmp_path)
    state = {re.sub(r"\.resnets\.", ".body.", n.removeprefix("adapter.")): t for n, t in his.state_dict().items()}
    save_file(state, tmp_path / "t2iadapter_color.safetensors")
    other = load.load(tmp_path / "t2iadapter_color.safetensors")
    assert isinstance(other, AdapterControl)
    assert other.config == ours.config
    hint = torch.rand(1, 3, 64, 64)
    assert all(error(a, b) < 1e-6 for a, b in zip(other.look(hint, 8, 8), ours.look(hint, 8, 8), strict=True))


UNETS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "full": (
        {
            "block_out_channels": (32, 64, 64, 64), "cross_attention_dim": 24, "attention_head_dim": 8,
            "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        },
        {"width": 32, "multiples": (1, 2, 2, 2), "depths": (1, 1, 1, 0), "context": 24},
    ),
    "XL": (
        {
            "block_out_channels": (32, 64, 96), "cross_attention_dim": 24, "attention_head_dim": 8,
            "down_block_types": ("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2,
            "up_block_types": ("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",),
        },
        {"width": 32, "multiples": (1, 2, 3), "depths": (0, 1, 1), "context": 24},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNETS)
def test_the_unet_takes_it_where_diffusers_does(kind: str, tmp_path: Path):
    his_unet = UNet2DConditionModel(**UNETS[kind][0]).eval()
    names = layouts.unet_names({n: tuple(t.shape) for n, t in his_unet.state_dict().items()})
    ours = build(stable_diffusion(**UNETS[kind][1]))
    state = random_state(ours, torch.float32)
    ours.load_state_dict(state, assign=True)
    his_unet.load_state_dict({n: state[our] for n, our in names.items()})
    _, control = adapter(kind, tmp_path)
    fitted = control.fitted(Model(network=ours, prediction=discrete("eps"), latent_format=SD15))
    x, t, context = torch.randn(1, 4, 8, 10), torch.tensor([431.0]), torch.randn(1, 9, 24)
    with torch.no_grad():
        features = control.look(torch.rand(1, 3, 64, 80), 8, 10)
        want = his_unet(x, t, context, down_intrablock_additional_residuals=[f.clone() for f in features]).sample
        got = ours(x, t, context, control=fitted.add(features, x, t, {}))
        assert error(got, want) < 1e-5
        assert error(ours(x, t, context), want) > 1e-3


def test_an_adapter_of_another_family_is_refused(tmp_path: Path):
    _, control = adapter("XL", tmp_path)
    model = Model(
        network=build(stable_diffusion(**UNETS["full"][1])), prediction=discrete("eps"), latent_format=SD15, name="m"
    )
    with pytest.raises(ValueError, match=r"T2I-Adapter adapter.safetensors does not fit the model m: it adds \(32, 64"):
        control.fitted(model)
