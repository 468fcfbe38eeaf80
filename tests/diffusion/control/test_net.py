"""ControlNets give diffusers' numbers from the same random weights, in both layouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.random_checkpoint import random_state
from diffusion.control import files, load
from diffusion.control.handle import NetControl, of_kind
from diffusion.control.net import ControlNet, ControlNetConfig
from diffusion.unet import timestep_embedding
from tests.diffusion.test_unet import error

LEVELS: dict[str, Any] = {
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "conditioning_embedding_out_channels": (16, 32, 48, 64),
    "cross_attention_dim": 24,
}
XL: dict[str, Any] = {
    "block_out_channels": (64, 128, 128),
    "attention_head_dim": (1, 2, 2),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 4,
    "projection_class_embeddings_input_dim": 40,
}
NETS: dict[str, dict[str, Any]] = {
    "SD 1": LEVELS | {"block_out_channels": (64, 128, 128), "attention_head_dim": 8},
    "SD 2": LEVELS | {key: XL[key] for key in ("block_out_channels", "attention_head_dim", "use_linear_projection")},
    "SD XL": LEVELS | XL | {"transformer_layers_per_block": (1, 2, 2)},
    "SD XL small": LEVELS | XL | {"down_block_types": ("DownBlock2D",) * 3, "mid_block_type": "UNetMidBlock2D"},
}  # fmt: skip


def saved(network: nn.Module, path: Path) -> Path:
    """The network with random weights, which are in the file, too."""
    state = random_state(network, torch.float32)
    network.load_state_dict(state)
    save_file(state, path)
    return path


def loaded(path: Path) -> NetControl:
    control = load.load(path)
    assert isinstance(control, NetControl)
    return control


def inputs(size: tuple[int, int], label: int) -> dict[str, Tensor]:
    torch.manual_seed(2)
    text, ids = torch.randn(2, 16), torch.randn(2, 6)
    found = {
        "x": torch.randn(2, 4, *size), "t": torch.tensor([3.0, 731.5]), "context": torch.randn(2, 9, 24),
        "hint": torch.rand(2, 3, 8 * size[0], 8 * size[1]), "text_embeds": text, "time_ids": ids,
    }  # fmt: skip
    return found | ({"y": torch.cat((text, timestep_embedding(ids.flatten(), 4).view(2, -1)), 1)} if label else {})


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("size", [(8, 8), (9, 14)])
def test_equals_diffusers(kind: str, size: tuple[int, int], tmp_path: Path):
    his = ControlNetModel(**NETS[kind]).eval()
    control = loaded(saved(his, tmp_path / "cn.safetensors"))
    i = inputs(size, control.config.half.label_channels)
    with torch.no_grad():
        want = his(i["x"], i["t"], i["context"], i["hint"], added_cond_kwargs=i)
        got = control.add(control.look(i["hint"], *size), i["x"], i["t"], {k: i[k] for k in ("context", "y") if k in i})
    assert len(got.skips) == len(want.down_block_res_samples)
    for a, b in zip((*got.skips, got.middle), (*want.down_block_res_samples, want.mid_block_res_sample), strict=True):
        assert a is not None
        assert error(a, b) < 1e-5


def test_union_equals_diffusers(tmp_path: Path):
    his = ControlNetUnionModel(
        **LEVELS, **XL, transformer_layers_per_block=(1, 2, 2), num_trans_channel=64, num_proj_channel=64
    ).eval()
    union = loaded(saved(his, tmp_path / "union.safetensors"))
    told = of_kind(union, "normal")
    assert isinstance(told, NetControl)
    assert union.config.types == 6
    i = {name: t[:1] for name, t in inputs((8, 10), 40).items()}
    flags = torch.zeros(1, 6)
    flags[0, 4] = 1
    with torch.no_grad():
        want = his(
            i["x"], i["t"], i["context"], [i["hint"]], control_type=flags, control_type_idx=[4], added_cond_kwargs=i
        )
        got = told.add(told.look(i["hint"], 8, 10), i["x"], i["t"], {k: i[k] for k in ("context", "y")})
        untold = union.add(union.look(i["hint"], 8, 10), i["x"], i["t"], {k: i[k] for k in ("context", "y")})
    for a, b in zip((*got.skips, got.middle), (*want.down_block_res_samples, want.mid_block_res_sample), strict=True):
        assert a is not None
        assert error(a, b) < 1e-5
    assert untold.middle is not None
    assert error(untold.middle, want.mid_block_res_sample) > 1e-3
    with pytest.raises(ValueError, match="does not know tile; it knows openpose, depth"):
        of_kind(union, "tile")


def test_the_originals_layout_is_the_networks_own(tmp_path: Path):
    saved(ControlNetModel(**NETS["SD 1"]), tmp_path / "theirs.safetensors")
    theirs = loaded(tmp_path / "theirs.safetensors")
    module = theirs.network.module
    assert isinstance(module, ControlNet)
    save_file({f"control_model.{n}": t for n, t in module.state_dict().items()}, tmp_path / "ldm.safetensors")
    ours = loaded(tmp_path / "ldm.safetensors")
    assert ours.config == theirs.config
    i = inputs((8, 8), 0)
    a, b = (c.add(c.look(i["hint"], 8, 8), i["x"], i["t"], i) for c in (ours, theirs))
    assert all(torch.equal(s, t) for s, t in zip(a.skips, b.skips, strict=True) if s is not None and t is not None)


def test_published_sizes_are_read_from_shapes():
    with torch.device("meta"):
        sd1 = ControlNetModel(cross_attention_dim=768)
        xl = ControlNetUnionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
            num_control_type=8,
            conditioning_embedding_out_channels=(16, 32, 96, 256),
        )
    for network, types in ((sd1, 0), (xl, 8)):
        shapes = {n: tuple(t.shape) for n, t in network.state_dict().items()}
        names = files.controlnet_names(shapes)
        config = ControlNetConfig.from_shapes({ours: shapes[theirs] for theirs, ours in names.items()})
        assert (config.types, config.hint) == (types, (3, 16, 16, 32, 32, 96, 96, 256, 320))
        assert config.outputs[-1] == 1280
        assert len(set(names.values())) == len(shapes)


def test_a_file_ending_in_shuffle_is_pooled(tmp_path: Path):
    path = saved(ControlNetModel(**NETS["SD 1"]), tmp_path / "control_v11e_sd15_shuffle.safetensors")
    control = loaded(path)
    i = inputs((8, 8), 0)
    added = control.add(control.look(i["hint"], 8, 8), i["x"], i["t"], i)
    assert added.middle is not None
    assert added.middle.shape == (2, 128, 1, 1)


def test_what_is_no_control_says_what_it_is(tmp_path: Path):
    save_file({"lora_unet_a.lora_up.weight": torch.ones(2, 2)}, tmp_path / "l.safetensors")
    with pytest.raises(ValueError, match=r"l\.safetensors is no ControlNet or T2I-Adapter; it is a LoRA"):
        load.load(tmp_path / "l.safetensors")
