"""Training of adapters: what is learnt is what is merged, every kind learns, and nothing of it stays in the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diffusion.adapters.load import LoraModel, apply_lora, apply_to_model
from diffusion.model import SD15, Model
from diffusion.placement import Place, Resident
from diffusion.prediction import discrete
from diffusion.training.adapters import ALGORITHMS, Adapters, layers
from diffusion.training.loop import Course, train_adapter
from tests.diffusion.test_unet import error, narrow

X, TIME, CONTEXT = torch.randn(2, 4, 8, 8), torch.tensor([20.0, 700.0]), torch.randn(2, 9, 24)
LATENTS = torch.randn(3, 4, 8, 8) * 5
POSITIVE = [(torch.randn(1, 9, 24), {})]


@pytest.fixture
def model() -> Model:
    network, _ = narrow("SD 1")
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return Model(
        network=Resident(network, Place(torch.device("cpu"), torch.float32)),
        prediction=discrete("eps"),
        latent_format=SD15,
        name="narrow",
    )


def answer(model: Model) -> Tensor:
    with torch.no_grad():
        return model.network(X, TIME, CONTEXT)


def begun(model: Model, algorithm: str, rank: int = 4) -> Adapters:
    assert isinstance(model.network, Resident)
    return Adapters(model.network.ready(), algorithm, rank, torch.float32, torch.Generator().manual_seed(1))


def disturbed(adapters: Adapters) -> Adapters:
    """As if it had learnt something."""
    torch.manual_seed(4)
    for parameter in adapters.learnt():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.02)
    return adapters


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_adapter_begins_as_none(model: Model, algorithm: str):
    before = answer(model)
    with begun(model, algorithm).applied():
        assert error(answer(model), before) < 1e-6


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_applied_and_merged_and_saved_are_the_same(model: Model, algorithm: str, tmp_path: Path):
    before, adapters = answer(model), disturbed(begun(model, algorithm))
    with adapters.applied():
        applied = answer(model)
    assert error(applied, before) > 1e-3
    merged = apply_lora(LoraModel("it", adapters.tensors()), model, 1.0)
    assert error(answer(merged), applied) < 1e-5
    save_file(adapters.tensors(), tmp_path / "it.safetensors")
    assert torch.equal(answer(apply_to_model(tmp_path / "it.safetensors", model, 1.0)), answer(merged))
    assert torch.equal(answer(model), before)


def test_layers_of_the_attention_blocks_are_adapted(model: Model):
    assert isinstance(model.network, Resident)
    found = layers(model.network.module)
    assert {name.split(".")[-1] for name in found} == {"proj_in", "proj_out", "to_q", "to_k", "to_v", "0", "2", "proj"}
    assert all("transformer_blocks" in name or "proj_" in name for name in found)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_kind_learns(model: Model, algorithm: str):
    course = Course(steps=16, batch_size=3, algorithm=algorithm, rank=4, learning_rate=1e-2, checkpointing=False)
    before, learnt = answer(model), train_adapter(model, LATENTS, POSITIVE, course)
    assert len(learnt.losses) == 16
    assert sum(learnt.losses[-5:]) < 0.97 * sum(learnt.losses[:5])
    assert torch.equal(answer(model), before)
    assert error(answer(apply_lora(learnt.adapter, model, 1.0)), before) > 1e-3


def test_checkpointing_changes_no_digit_and_a_seed_means_one_training(model: Model):
    first = train_adapter(model, LATENTS, POSITIVE, Course(steps=4, seed=3, checkpointing=True))
    second = train_adapter(model, LATENTS, POSITIVE, Course(steps=4, seed=3, checkpointing=False))
    other = train_adapter(model, LATENTS, POSITIVE, Course(steps=4, seed=4))
    assert first.losses == pytest.approx(second.losses, rel=1e-6)
    assert first.losses != other.losses


def test_training_goes_on_where_another_ended(model: Model):
    first = train_adapter(model, LATENTS, POSITIVE, Course(steps=9, learning_rate=1e-2)).adapter
    none = train_adapter(model, LATENTS, POSITIVE, Course(steps=1, learning_rate=1e-9), existing=first.tensors).adapter
    assert first.tensors.keys() == none.tensors.keys()
    assert all(torch.allclose(none.tensors[name], tensor, atol=1e-7) for name, tensor in first.tensors.items())


def test_sixteen_bits_are_kept_and_computed(model: Model):
    course = Course(steps=2, training_dtype="bf16", adapter_dtype="bf16")
    learnt = train_adapter(model, LATENTS, POSITIVE, course)
    dtypes = {t.dtype for name, t in learnt.adapter.tensors.items() if "alpha" not in name}
    assert dtypes == {torch.bfloat16}
    full = train_adapter(model, LATENTS, POSITIVE, Course(steps=2))
    assert learnt.losses == pytest.approx(full.losses, rel=0.05)


def test_accumulated_batches_are_averaged(model: Model):
    """Of one latent and one conditioning, two batches of one are as good as a batch of two: the loss is a mean."""
    one = train_adapter(model, LATENTS, POSITIVE, Course(steps=1, accumulation=24, checkpointing=False))
    two = train_adapter(model, LATENTS, POSITIVE, Course(steps=1, batch_size=24, checkpointing=False))
    assert one.losses[0] == pytest.approx(two.losses[0], rel=0.2)


def test_a_conditioning_for_each_latent_is_told_with_it(model: Model):
    seen: list[float] = []
    assert isinstance(model.network, Resident)
    hook = model.network.module.register_forward_pre_hook(
        lambda _, inputs, options: seen.append(float(options["context"][0, 0, 0])), with_kwargs=True
    )
    texts = [(torch.full((1, 9, 24), float(i)), {}) for i in range(3)]
    train_adapter(model, LATENTS, texts, Course(steps=6))
    hook.remove()
    assert sorted(seen) == [0, 0, 1, 1, 2, 2]


def fails(model: Model, match: str, course: Course = Course(steps=1), **given: object) -> None:  # noqa: B008
    values: dict[str, object] = {"latents": LATENTS, "positive": POSITIVE, "existing": None} | given
    with pytest.raises(ValueError, match=match):
        train_adapter(model, values["latents"], values["positive"], course, existing=values["existing"])  # type: ignore[arg-type]


def test_what_does_not_fit_is_told(model: Model):
    fails(model, "2 conditionings for 3 latents", positive=POSITIVE * 2)
    fails(model, "no latents to learn from", latents=LATENTS[:0])
    fails(model, r"loss of step \d+ is (nan|inf).*smaller learning_rate", Course(steps=40, learning_rate=1e18))
    other = train_adapter(model, LATENTS, POSITIVE, Course(steps=1, rank=2)).adapter.tensors
    fails(model, "existing adapter does not fit.*choose its model, algorithm and rank", existing=other)
    fails(Model(network=lambda x: x, prediction=discrete("eps"), latent_format=SD15), "no weights that an adapter")


@pytest.mark.parametrize("checkpointing", [True, False])
def test_who_ends_it_half_way_leaves_the_model_as_it_was(model: Model, checkpointing: bool):
    def stop(done: int, loss: float) -> None:
        if done == 2:
            raise KeyboardInterrupt

    before = answer(model)
    with pytest.raises(KeyboardInterrupt):
        train_adapter(model, LATENTS, POSITIVE, Course(steps=9, checkpointing=checkpointing), on_step=stop)
    assert torch.equal(answer(model), before)
    assert isinstance(model.network, Resident)
    left: list[Callable[..., object]] = [h for m in model.network.module.modules() for h in m._forward_hooks.values()]
    assert not left
    assert not [m for m in model.network.module.modules() if "forward" in vars(m)]
