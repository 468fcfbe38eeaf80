"""Folders as diffusers saves them: where the weights are and what the settings tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diffusion import folders
from diffusion.header import ModelFileError
from tests.diffusion.test_layouts import theirs, vae_of


def contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in state.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = {"text_model.embeddings.token_embedding.weight": torch.zeros(10, 24)}
    vae = vae_of(block_out_channels=(32, 32), layers_per_block=1).state_dict()
    states = {"unet": theirs("SD 1").state_dict(), "vae": vae, "text_encoder": text}
    for part, state in states.items():
        (tmp_path / "model" / part).mkdir(parents=True)
        save_file(contiguous(state), tmp_path / "model" / part / folders.NAMES[part][0])
    return tmp_path / "model"


def test_sizes_are_the_headers(folder: Path):
    assert folders.inspect(folder) == {"context width": 24, "latent channels": 4}


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_missing_network_is_named(folder: Path, part: str):
    folders.file(folder, part).unlink()
    with pytest.raises(ModelFileError, match=f"model/{part} holds none of"):
        folders.inspect(folder)


def test_the_first_name_that_is_there_is_taken(folder: Path):
    whole = folders.file(folder, "unet")
    half = whole.rename(whole.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert folders.file(folder, "unet") == half


@pytest.mark.parametrize(
    ("config", "heads"),
    [
        ({"attention_head_dim": 4}, 4),
        ({"attention_head_dim": [5, 10, 20, 20]}, 0),
        ({"attention_head_dim": 64, "num_attention_heads": 6}, 6),
        ([], 0),
        (None, 0),
    ],
)
def test_heads_come_from_the_settings(folder: Path, config: Any, heads: int):
    if config is not None:
        (folder / "unet/config.json").write_text(json.dumps(config))
    assert folders.heads(folder, "unet") == heads


def test_v_prediction_comes_from_the_schedulers_settings(folder: Path):
    assert not folders.prediction(folder)
    (folder / "scheduler").mkdir()
    (folder / "scheduler/scheduler_config.json").write_text('{"prediction_type": "v_prediction"}')
    assert folders.prediction(folder) == "v"
