"""Networks in another type, and compiled: the same answers, in other memory or by other code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from diffusion import attention_patches, checkpoint, network_patches, settings
from diffusion.model import Model, interruptible
from diffusion.patches import Patch
from diffusion.placement import Place, Resident

CPU = Place(torch.device("cpu"), torch.float32)


@pytest.fixture(autouse=True)
def _fp32() -> Iterator[None]:
    before = settings.current()
    settings.use(settings.Settings("fp32", "cpu"))
    yield
    settings.use(before)


@pytest.fixture
def model(starter: Path) -> Model:
    return checkpoint.load(starter)[0]


@torch.no_grad()
def answer(model: Model) -> Tensor:
    torch.manual_seed(2)
    return model.x0(torch.randn(1, 4, 8, 8), torch.tensor([2.0]), {"context": torch.randn(1, 77, 128)})


@pytest.mark.parametrize(("dtype", "off"), [("bf16", 0.1), ("fp16", 0.02)])
def test_another_type_answers_nearly_the_same_and_leaves_the_model_as_it_was(model: Model, dtype: str, off: float):
    before = answer(model)
    other = replace(model, network=attention_patches.computing_in(model.network, dtype))
    got = answer(other)
    assert 0 < (got - before).abs().max() < off * before.abs().max()
    assert isinstance(other.network, Resident)
    assert {p.dtype for p in other.network.module.parameters()} == {attention_patches.DTYPES[dtype]}
    assert_close(answer(model), before, atol=0, rtol=0)


def test_the_files_tensors_are_shared_and_the_type_that_it_has_is_no_change(model: Model):
    assert isinstance(model.network, Resident)
    assert attention_patches.computing_in(model.network, "default") is model.network
    assert attention_patches.computing_in(model.network, "fp32") is model.network
    answer(model)
    other = attention_patches.computing_in(model.network, "bf16")
    own, theirs = model.network._held.stored, other._held.stored  # pyright: ignore[reportPrivateUsage]
    assert {n: t.data_ptr() for n, t in own.items()} == {n: t.data_ptr() for n, t in theirs.items()}


def test_patches_come_along(model: Model):
    multiplied = replace(model, network=attention_patches.multiply(model.network, {"attn2.to_v": 0.0}))
    half = replace(multiplied, network=attention_patches.computing_in(multiplied.network, "bf16"))
    assert_close(answer(half), answer(multiplied), atol=0.2, rtol=0.1)


# --- compiled ------------------------------------------------------------------------------------


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        return self.second(torch.nn.functional.silu(self.first(x)) + context.mean() + t.mean())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own compiler
def test_a_compiled_network_answers_the_same_also_after_its_weights_changed():
    torch.manual_seed(0)
    plain = Resident(Small(), CPU)
    given = torch.randn(2, 8), torch.ones(1), torch.randn(3, 4)
    with torch.no_grad():
        compiled = plain.compiling("inductor")
        assert_close(compiled(*given), plain(*given), atol=1e-5, rtol=1e-5)
        twice = {"first.weight": (Patch("twice", lambda weight: weight * 2),)}
        doubled = compiled.patched(twice)
        assert doubled.compiled is not None
        want = plain.patched(twice)(*given)
        assert_close(doubled(*given), want, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(want, plain(*given), atol=1e-2)


def test_what_is_hooked_on_a_network_is_not_lost_by_compiling(model: Model, monkeypatch: pytest.MonkeyPatch):
    """The compiled network is replaced by one that says so, since the hooks matter here, not the compiler."""

    def compiled(x: Tensor, *args: Any, **options: Any) -> Tensor:
        return torch.full_like(x, 7.0)

    monkeypatch.setattr(torch, "compile", lambda module, backend: compiled)  # pyright: ignore[reportUnknownLambdaType]
    fast = replace(model, network=attention_patches.compiling(model.network, "inductor"))
    with interruptible(fast.network, lambda: None):
        assert not torch.allclose(answer(fast), answer(model))
    patch = network_patches.free_u((1.3, 1.4), (0.9, 0.2), by_structure=False)
    patched = [replace(m, network_patches=(patch,)) for m in (fast, model)]
    assert_close(answer(patched[0]), answer(patched[1]), atol=0, rtol=0)


def test_a_backend_for_gpus_and_a_model_without_weights_are_refused(model: Model):
    with pytest.raises(ValueError, match=r"cudagraphs, but the model is on cpu: choose inductor"):
        attention_patches.compiling(model.network, "cudagraphs")
    with pytest.raises(ValueError, match="no weights"):
        attention_patches.computing_in(lambda x: x, "bf16")


# --- attention -----------------------------------------------------------------------------------


def test_the_output_of_attentions_is_multiplied_within_pictures(model: Model):
    assert isinstance(model.network, Resident)
    ones = {"attn1": 1.0, "attn2": 1.0}
    changed = attention_patches.temporal(model.network, {"attn1": 0.5, "attn2": 3.0}, ones)
    for name in model.network.shapes:
        factor = {"attn1": 0.5, "attn2": 3.0}[name.split(".")[-4]] if ".to_out.0." in name else 1.0
        assert_close(changed.value(name), model.network.value(name) * factor)
    frames = attention_patches.temporal(model.network, ones, {"attn1": 0.5, "attn2": 3.0})
    assert_close(answer(replace(model, network=frames)), answer(model), atol=0, rtol=0)
