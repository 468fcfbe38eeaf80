"""`Learning` against torch's optimisers, the field's schedules and means, and that it goes on where it was stopped."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup

from diffusion.training.optimize import Diverged, Learning, Optimization

NAMES = ("AdamW", "Adam", "SGD", "RMSprop", "Muon")
Backward = Callable[[int, Callable[[Tensor], Tensor]], float]


def network() -> nn.ModuleDict:
    torch.manual_seed(1)
    first, last = nn.Linear(20, 32), nn.Linear(32, 3)
    return nn.ModuleDict({"embedding": nn.Embedding(7, 20), "first": first, "last": last})


def answer(modules: nn.ModuleDict, rows: Tensor) -> Tensor:
    return modules["last"](torch.tanh(modules["first"](modules["embedding"](rows))))


def batch(step: int, size: int = 6) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(step)
    return torch.randint(7, (size,), generator=random), torch.randn(size, 3, generator=random)


def asks(modules: nn.ModuleDict, learning: Learning, pieces: int = 1) -> Backward:
    """The batch of each step, whole or in equal pieces."""

    def backward(i: int, scale: Callable[[Tensor], Tensor]) -> float:
        rows, target = (t.chunk(pieces)[i] for t in batch(learning.done))
        loss = (answer(modules, rows) - target).pow(2).mean()
        scale(loss).backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    return backward


def course(modules: nn.ModuleDict, how: Optimization, **options: Any) -> tuple[Learning, Backward]:
    learning = Learning(dict(modules.named_parameters()), how, options.get("rates"))
    return learning, asks(modules, learning, how.accumulation)


def weights(modules: nn.ModuleDict) -> list[Tensor]:
    return [p.detach().clone() for p in modules.parameters()]


SCHEDULES: dict[str, Any] = {"cosine": get_cosine_schedule_with_warmup, "linear": get_linear_schedule_with_warmup}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_course_is_that_of_torch_with_the_schedules_of_transformers(schedule: Any):
    """Theirs begins at zero; ours where theirs is at its second step."""
    modules, his = network(), network()
    how = Optimization(
        steps=12, learning_rate=0.02, weight_decay=0.3, betas=(0.8, 0.9), warmup=3, schedule=schedule, clip=0.2
    )
    learning, backward = course(modules, how)
    matrices = [p for n, p in his.named_parameters() if p.dim() > 1 and "embedding" not in n]
    others = [p for n, p in his.named_parameters() if p.dim() == 1 or "embedding" in n]
    groups = [{"params": matrices, "weight_decay": 0.3}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.02, betas=(0.8, 0.9), foreach=False)
    rates = SCHEDULES[schedule](optimizer, num_warmup_steps=4, num_training_steps=13)
    optimizer.step()
    rates.step()
    for step in range(12):
        rows, target = batch(step)
        optimizer.zero_grad()
        (answer(his, rows) - target).pow(2).mean().backward()
        torch.nn.utils.clip_grad_norm_(his.parameters(), 0.2)
        optimizer.step()
        assert learning.how.rate(step) * 0.02 == pytest.approx(rates.get_last_lr()[0])
        rates.step()
        learning.step(backward)
    for mine, theirs in zip(weights(modules), weights(his), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_rates_between_their_ends():
    how = Optimization(steps=100, schedule="cosine", warmup=9, last=0.2)
    assert [how.rate(s) for s in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert how.rate(100) == pytest.approx(0.2)
    assert how.rate(9 + 91 // 2) == pytest.approx(0.6, abs=0.01)
    assert Optimization(steps=10, schedule="linear", last=0.5).rate(5) == pytest.approx(0.75)
    assert {Optimization(steps=10).rate(s) for s in range(10)} == {1.0}


def test_names_have_rates_of_their_own():
    plain, slow = network(), network()
    for modules, rates in ((plain, None), (slow, {"first": 0.1, "first.bias": 0.0})):
        learning, backward = course(modules, Optimization(steps=1, optimizer="SGD", learning_rate=0.1), rates=rates)
        learning.step(backward)
    start, full, part = (dict(m.named_parameters()) for m in (network(), plain, slow))
    for name, factor in (("last.weight", 1.0), ("first.weight", 0.1), ("first.bias", 0.0)):
        torch.testing.assert_close(part[name] - start[name], factor * (full[name] - start[name]), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW", "Muon"])
def test_batches_that_are_gathered_are_one_larger_batch(optimizer: str):
    found: list[list[Tensor]] = []
    for accumulation in (1, 3):
        modules = network()
        how = Optimization(steps=3, optimizer=optimizer, learning_rate=0.01, accumulation=accumulation)
        learning, backward = course(modules, how)
        losses = [learning.step(backward) for _ in range(3)]
        found.append([*weights(modules), torch.tensor(losses)])
    for one, three in zip(*found, strict=True):
        torch.testing.assert_close(one, three, rtol=1e-3, atol=1e-4 if optimizer == "Muon" else 1e-6)


def test_the_mean_of_weights_is_that_of_diffusers():
    """Theirs begins to remember at its second step, so it is told the first weights before."""
    modules = network()
    learning, backward = course(modules, Optimization(steps=30, learning_rate=0.05, ema=0.6))
    his = EMAModel(modules.parameters(), decay=0.6)
    his.step(modules.parameters())
    for _ in range(30):
        learning.step(backward)
        his.step(modules.parameters())
    now = weights(modules)
    with learning.averaged():
        for mine, theirs in zip(weights(modules), his.shadow_params, strict=True):
            torch.testing.assert_close(mine, theirs)
        assert not torch.equal(weights(modules)[0], now[0])
    assert all(torch.equal(a, b) for a, b in zip(weights(modules), now, strict=True))


@pytest.mark.parametrize("clip", [0.01, 0.5, 0.0])
def test_gradients_are_clipped_together(clip: float):
    modules, his = network(), network()
    learning, backward = course(modules, Optimization(steps=1, optimizer="SGD", learning_rate=1.0, clip=clip))
    learning.step(backward)
    rows, target = batch(0)
    (answer(his, rows) - target).pow(2).mean().backward()
    norm = torch.nn.utils.clip_grad_norm_(his.parameters(), clip or math.inf)
    assert norm > 0.5
    for mine, theirs in zip(modules.parameters(), his.parameters(), strict=True):
        assert theirs.grad is not None
        torch.testing.assert_close(mine.detach(), theirs.detach() - theirs.grad)


# --- to stop and to go on ------------------------------------------------------------------------


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("optimizer", NAMES)
def test_what_is_restored_goes_on_bit_for_bit(optimizer: str, scaled: bool):
    how = Optimization(
        steps=8, optimizer=optimizer, learning_rate=0.02, warmup=2, schedule="cosine", ema=0.9, scaled=scaled
    )
    modules = network()
    learning, backward = course(modules, how)
    for _ in range(4):
        learning.step(backward)
    kept = {name: tensor.clone() for name, tensor in learning.state().items()}
    losses = [learning.step(backward) for _ in range(4)]

    other = nn.ModuleDict({"embedding": nn.Embedding(7, 20), "first": nn.Linear(20, 32), "last": nn.Linear(32, 3)})
    again, backward = course(other, how)
    again.restore(kept)
    assert again.done == 4
    assert [again.step(backward) for _ in range(4)] == losses
    after, theirs = again.state(), learning.state()
    assert set(after) == set(theirs)
    assert all(torch.equal(after[name], theirs[name]) for name in after)
    assert (sum("optimizer." in name for name in after) > 0) == (optimizer != "SGD")


def wide(optimizer: str) -> tuple[nn.Linear, Learning, Backward]:
    """A matrix with enough weights for 8 bits; it learns what another does."""
    torch.manual_seed(0)
    layer = nn.Linear(128, 64)
    learning = Learning(dict(layer.named_parameters()), Optimization(steps=60, optimizer=optimizer, learning_rate=0.01))
    random = torch.Generator().manual_seed(1)
    x, matrix = torch.randn(256, 128, generator=random), torch.randn(128, 64, generator=random) / 128**0.5

    def backward(i: int, scale: Callable[[Tensor], Tensor]) -> float:
        loss = (layer(x) - x @ matrix).pow(2).mean()
        scale(loss).backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    return layer, learning, backward


@pytest.mark.filterwarnings("ignore")  # of bitsandbytes, about what is not used here
def test_8_bits_learn_like_adamw_and_go_on_bit_for_bit():
    layer, learning, backward = wide("AdamW8bit")
    losses = [learning.step(backward) for _ in range(30)]
    kept = {name: tensor.clone() for name, tensor in learning.state().items()}
    assert kept["optimizer.state1.weight"].dtype is torch.uint8
    losses += [learning.step(backward) for _ in range(30)]

    other, again, backward = wide("AdamW8bit")
    again.restore(kept)
    assert [again.step(backward) for _ in range(30)] == losses[30:]
    assert torch.equal(other.weight, layer.weight)

    exact, learning, backward = wide("AdamW")
    full = [learning.step(backward) for _ in range(60)]
    assert losses[59] == pytest.approx(full[59], rel=0.05)
    assert (layer.weight - exact.weight).norm() < 0.02 * exact.weight.norm()


@pytest.mark.parametrize(("first", "then"), [("Muon", "AdamW"), ("RMSprop", "Muon"), ("AdamW", "SGD")])
def test_another_optimiser_a_mean_and_scaling_can_begin_on_the_way(first: str, then: str):
    modules = network()
    learning, backward = course(modules, Optimization(steps=4, optimizer=first, learning_rate=0.01))
    for _ in range(2):
        learning.step(backward)
    other = nn.ModuleDict({"embedding": nn.Embedding(7, 20), "first": nn.Linear(20, 32), "last": nn.Linear(32, 3)})
    how = Optimization(steps=4, optimizer=then, learning_rate=0.01, ema=0.9, scaled=True)
    again, backward = course(other, how)
    again.restore(learning.state())
    assert all(torch.equal(mean, learning.learnt[name]) for name, mean in again.mean.items())
    losses = [again.step(backward) for _ in range(2)]
    assert all(map(math.isfinite, losses))
    learning.restore(again.state())  # and back
    assert learning.done == 4
    learning.step(backward)


def test_a_step_without_finite_gradients_is_left_out_and_the_scale_falls():
    modules = network()
    learning, backward = course(modules, Optimization(steps=5, scaled=True))
    learning.step(backward)
    before, scale = weights(modules), learning.scaler.get_scale()

    def overflows(i: int, scaled: Callable[[Tensor], Tensor]) -> float:
        loss = answer(modules, torch.arange(3)).sum() * 1e38
        scaled(loss).backward()  # type: ignore[no-untyped-call]
        return 1.0

    learning.step(overflows)
    assert all(torch.equal(a, b) for a, b in zip(weights(modules), before, strict=True))
    assert learning.scaler.get_scale() == scale / 2
    again, _ = course(network(), Optimization(steps=5, scaled=True))
    again.restore(learning.state())
    assert again.scaler.state_dict() == learning.scaler.state_dict()


def test_scaled_losses_change_nothing():
    found: list[list[Tensor]] = []
    for scaled in (False, True):
        modules = network()
        learning, backward = course(modules, Optimization(steps=3, learning_rate=0.01, scaled=scaled, clip=0.1))
        for _ in range(3):
            learning.step(backward)
        found.append(weights(modules))
    for plain, by_scale in zip(*found, strict=True):
        torch.testing.assert_close(plain, by_scale, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("factor", "said"), [(math.nan, "loss of step 2 is nan"), (1e30, "gradient of step 2")])
def test_a_training_that_diverges_leaves_the_weights_of_before(factor: float, said: str):
    modules = network()
    learning, backward = course(modules, Optimization(steps=5))
    learning.step(backward)
    before = weights(modules)

    def wrong(i: int, scale: Callable[[Tensor], Tensor]) -> float:
        loss = (answer(modules, torch.arange(3)) * factor).pow(2).mean()
        loss.backward()
        return factor if math.isnan(factor) else 1.0

    with pytest.raises(Diverged, match=said):
        learning.step(wrong)
    assert all(torch.equal(a, b) for a, b in zip(weights(modules), before, strict=True))
    assert learning.done == 1


def test_the_state_of_another_training_is_refused():
    learning, _ = course(network(), Optimization(steps=5))
    other = Learning({"first.weight": nn.Parameter(torch.zeros(3, 20))}, Optimization(steps=5))
    with pytest.raises(ValueError, match=r"of another training: 5 of 1 weights differ|weights differ, such as"):
        other.restore(learning.state())
    wide = dict(learning.learnt) | {"last.bias": nn.Parameter(torch.zeros(4))}
    with pytest.raises(ValueError, match=r"1 of 5 weights differ, such as last\.bias"):
        Learning(wide, Optimization(steps=5)).restore(learning.state())
    with pytest.raises(ValueError, match="nothing is to be learnt: every weight is frozen"):
        Learning({}, Optimization(steps=5))
