"""Merges are weighted sums, weight by weight, of what two models are with their own adapters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from diffusion import checkpoint, settings
from diffusion.adapters import merge
from diffusion.header import read_header
from diffusion.model import Model
from diffusion.patches import Patch
from diffusion.placement import Resident
from diffusion.text import Clip

UNET, TEXT = "model.diffusion_model.", "cond_stage_model.transformer."
FIRST, MIDDLE = "input_blocks.1.0.in_layers.2.bias", "middle_block.1.norm.weight"
LAST = "output_blocks.0.0.in_layers.2.bias"
WORD = "text_model.embeddings.token_embedding.weight"


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


@pytest.fixture(scope="module")
def states(starter: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    torch.manual_seed(0)
    base = load_file(starter)
    first, second = (
        {n: t.float() + 0.1 * torch.randn(t.shape) if t.is_floating_point() else t for n, t in base.items()}
        for _ in range(2)
    )
    return first, second


@pytest.fixture(scope="module")
def paths(starter: Path, states: tuple[dict[str, Tensor], ...], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("merge")
    found = [folder / "one.safetensors", folder / "two.safetensors"]
    for path, state in zip(found, states, strict=True):
        save_file(state, path, metadata=dict(read_header(starter).metadata))
    return found


def opened(paths: list[Path]) -> list[tuple[Model, Clip]]:
    return [checkpoint.load(path)[:2] for path in paths]


def value(model: Model, name: str) -> Tensor:
    assert isinstance(model.network, Resident)
    return model.network.value(name)


def both(states: tuple[dict[str, Tensor], ...], name: str) -> tuple[Tensor, Tensor]:
    return states[0][name].float(), states[1][name].float()


@pytest.mark.parametrize("factors", [(0.35, 0.65), (1.0, 1.0), (2.0, -2.0), (0.0, 1.0)])
def test_a_merge_is_a_weighted_sum(
    factors: tuple[float, float], paths: list[Path], states: tuple[dict[str, Tensor], ...]
):
    (model1, clip1), (model2, clip2) = opened(paths)
    merged = merge.models(model1, model2, merge.shares(*factors))
    for name in (FIRST, MIDDLE, LAST):
        a, b = both(states, UNET + name)
        assert torch.allclose(value(merged, name), factors[0] * a + factors[1] * b, atol=1e-6)
    assert (merged.name, merged.prediction) == (model1.name, model1.prediction)
    clip = merge.clips(clip1, clip2, merge.shares(*factors))
    a, b = both(states, TEXT + WORD)
    assert isinstance(clip.encoders[0].network, Resident)
    assert torch.allclose(clip.encoders[0].network.value(WORD), factors[0] * a + factors[1] * b, atol=1e-6)


def test_nothing_is_computed_for_the_first_model_alone(paths: list[Path]):
    (model1, _), (model2, _) = opened(paths)
    merged = merge.models(model1, model2, merge.shares(1.0, 0.0))
    assert isinstance(merged.network, Resident)
    assert not any(merged.network.patches.values())


def test_adapters_of_both_sides_and_merges_of_merges_count(paths: list[Path], states: tuple[dict[str, Tensor], ...]):
    (model1, _), (model2, _) = opened(paths)
    assert isinstance(model2.network, Resident)
    adapted = replace(model2, network=model2.network.patched({FIRST: (Patch("one", lambda w: w + 1),)}))
    difference = merge.models(adapted, model1, merge.shares(1.0, -1.0))
    merged = merge.models(model1, difference, merge.shares(1.0, 1.0))
    a, b = both(states, UNET + FIRST)
    assert torch.allclose(value(merged, FIRST), a + ((b + 1) - a), atol=1e-5)
    assert isinstance(merged.network, Resident)
    assert torch.allclose(merged.network.ready().state_dict()[FIRST], b + 1, atol=1e-5)
    again = merge.models(model1, merge.models(adapted, model1, merge.shares(1.0, -1.0)), merge.shares(1.0, 1.0))
    assert isinstance(again.network, Resident)
    assert again.network.state(FIRST) == merged.network.state(FIRST)


def test_blocks_go_by_the_longest_name_and_the_rest_by_the_first():
    of = merge.by_block({"input": 0.1, "middle": 0.5, "out": 0.9})
    assert [of(n)[0] for n in ("input_blocks.3.0.x", "middle_block.1.x", "output_blocks.1.x", "out.2.weight")] == [
        0.1,
        0.5,
        0.9,
        0.9,
    ]
    assert of("time_embed.0.weight") == (0.1, 0.9)
    by = merge.by_block({"time_embed.": 0.0, "input_blocks.1.": 0.3, "input_blocks.11.": 0.7})
    assert [by(n)[0] for n in ("input_blocks.1.0.a", "input_blocks.11.0.a", "input_blocks.2.0.a")] == [0.3, 0.7, 0.0]


def test_weights_that_only_one_has_stay_and_are_told(paths: list[Path], states: tuple[dict[str, Tensor], ...]):
    (model1, _), (model2, _) = opened(paths)
    assert isinstance(model2.network, Resident)
    odd = model2.network.patched({})
    odd._held.stored = {**odd._held.stored, FIRST: torch.zeros(3)}
    with pytest.warns(UserWarning, match=rf"\d+ of \d+ weights of one\.safetensors .* with two.*{FIRST} .*\(3,\)"):
        merged = merge.models(model1, replace(model2, network=odd), merge.shares(0.5, 0.5))
    assert torch.equal(value(merged, FIRST), states[0][UNET + FIRST])


def test_models_without_a_weight_in_common_are_named(paths: list[Path]):
    (model1, clip1), (model2, clip2) = opened(paths)
    assert isinstance(model2.network, Resident)
    empty = model2.network.patched({})
    empty._held.stored = {}
    with pytest.raises(ValueError, match=r"one\.safetensors and two\.safetensors have no weight in common"):
        merge.models(model1, replace(model2, network=empty), merge.shares(0.5, 0.5))
    large = replace(clip2, encoders=(replace(clip2.encoders[0], name="clip_g"),))
    with pytest.raises(ValueError, match="clip1 is clip_l, clip2 is clip_g"):
        merge.clips(clip1, large, merge.shares(0.5, 0.5))
