"""Extraction: the nearest product of low rank, and a difference that comes back when the file is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from diffusion import checkpoint, settings
from diffusion.adapters import extract, load, merge
from diffusion.model import Model
from diffusion.patches import Patch
from diffusion.placement import Resident
from diffusion.tensor_files import TensorFile

NAMES = ("input_blocks.1.0.in_layers.2.weight", "middle_block.1.proj_in.weight", "time_embed.0.weight")
BIAS, NORM = "out.2.bias", "out.0.weight"
WORDS = "text_model.encoder.layers.0.mlp.fc1.weight"


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    torch.manual_seed(0)
    yield
    settings.use(before)


@pytest.mark.parametrize("shape", [(24, 16), (16, 24), (24, 16, 3, 3), (24, 16, 1, 1), (8, 40)])
def test_no_product_of_that_rank_is_nearer(shape: tuple[int, ...]):
    weight = torch.randn(shape)
    up, down = extract.low_rank(weight, 4)
    assert up.shape[:2] == (shape[0], 4)
    assert down.shape == (4, *shape[1:])
    u, s, v = torch.linalg.svd(weight.flatten(1).double(), full_matrices=False)
    best = (u[:, :4] * s[:4]) @ v[:4]
    assert torch.allclose((up.flatten(1) @ down.flatten(1)).double(), best, atol=1e-5)
    assert torch.allclose(up.norm(), down.norm(), rtol=1e-4)


@pytest.mark.parametrize("true", [0, 2])
def test_a_weight_of_lower_rank_is_met_without_noise(true: int):
    weight = torch.randn(24, true) @ torch.randn(true, 16)
    up, down = extract.low_rank(weight, 8)
    assert torch.allclose(up @ down, weight, atol=1e-5)
    assert max(up.abs().max(), down.abs().max()) < 20
    assert extract.low_rank(weight, 100)[0].shape == (24, 16)


def change(name: str) -> Patch:
    def changed(weight: Tensor) -> Tensor:
        if weight.dim() < 2:
            return weight + 0.25
        torch.manual_seed(len(name))
        up, down = torch.randn(len(weight), 2), torch.randn(2, weight[0].numel())
        return weight + 0.1 * (up @ down).view(weight.shape)

    return Patch(("change", name), changed)


def network(model: Model) -> Resident:
    assert isinstance(model.network, Resident)
    return model.network


@pytest.mark.parametrize("full", [False, True])
def test_a_difference_comes_back_when_the_file_is_loaded(full: bool, starter: Path, tmp_path: Path):
    model, clip, _ = checkpoint.load(starter)
    trained = replace(model, network=network(model).patched({n: (change(n),) for n in (*NAMES, BIAS, NORM)}))
    encoder = clip.encoders[0]
    assert isinstance(encoder.network, Resident)
    words = replace(encoder, network=encoder.network.patched({WORDS: (change(WORDS),)}))
    difference = merge.models(trained, model, merge.shares(1.0, -1.0))
    of_text = merge.clips(replace(clip, encoders=(words,)), clip, merge.shares(1.0, -1.0))
    tensors = extract.adapter(difference, of_text, 2, full=full, biases=True)
    path = tmp_path / "lora.safetensors"
    path.write_bytes(b"".join(TensorFile(tensors, {})))
    again, spoken = load.apply(path, model, clip, 1.0, 1.0)
    for name in (*NAMES, BIAS, NORM, "input_blocks.0.0.weight"):
        want = network(trained).value(name)
        assert torch.allclose(network(again).value(name), want, atol=2e-3 * float(want.abs().max()))
    assert isinstance(words.network, Resident)
    assert isinstance(spoken.encoders[0].network, Resident)
    assert torch.allclose(spoken.encoders[0].network.value(WORDS), words.network.value(WORDS), atol=5e-3)


def test_biases_may_be_left_out(starter: Path):
    model, _, _ = checkpoint.load(starter)
    names = extract.adapter(model, None, 2, full=False, biases=False)
    assert all(n.endswith((".lora_up.weight", ".lora_down.weight")) for n in names)
    assert not any(n.endswith(".diff_b") for n in extract.adapter(model, None, 2, full=True, biases=False))
