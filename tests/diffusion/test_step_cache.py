"""Steps that are left out: the rule of EasyCache, against a plain reading of the paper on numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from diffusion import guidance, step_cache
from diffusion.model import Model
from diffusion.noise import Noise
from diffusion.samplers import Sampler
from diffusion.sampling import sample
from diffusion.schedules import for_sampler
from tests.replay.toys import MODELS, Toy

SHAPE = (2, 4, 8, 8)
POSITIVE, NEGATIVE = ([(torch.full((1, 7, 8), value), dict[str, Any]())] for value in (0.4, -0.3))


@dataclass(frozen=True, kw_only=True, eq=False)
class Counted(Toy):
    calls: list[int]

    def x0(self, x: Tensor, sigma: Tensor, conditions: Mapping[str, Tensor]) -> Tensor:
        self.calls.append(len(x))
        return super().x0(x, sigma, conditions)


def counted(calls: list[int]) -> Model:
    toy = MODELS["sd15"]()
    return Counted(**{f.name: getattr(toy, f.name) for f in fields(toy)}, calls=calls)


def run(model: Model, sampler: str = "euler", steps: int = 30) -> Tensor:
    sigmas = for_sampler(sampler, "normal", model.prediction, steps, 1.0)
    guider = guidance.cfg(model, POSITIVE, NEGATIVE, 4.0)
    empty = {"samples": torch.zeros(SHAPE)}
    return sample(guider, empty, sampler=Sampler(sampler), sigmas=sigmas, noise=Noise(5))[0]["samples"]


def patched(kind: Any, model: Model, threshold: float, start: float = 0.0, end: float = 1.0) -> Model:
    return replace(model, guidance=(kind(model.prediction, threshold, start, end),))


@pytest.mark.parametrize("name", ["sd15", "sdv", "flow"])
@pytest.mark.parametrize("kind", [step_cache.easy, step_cache.lazy])
def test_a_threshold_of_nothing_computes_every_step(kind: Any, name: str):
    model = MODELS[name]()
    shape = (2, model.latent_format.channels, 8, 8)
    guider = guidance.cfg(model, POSITIVE, NEGATIVE, 4.0)
    x = torch.randn(shape)
    plain, cached = (guidance.Guided(g, shape) for g in (guider, replace(guider, model=patched(kind, model, 0.0))))
    for sigma in (0.9, 0.7, 0.4):
        assert_close(cached(x, torch.tensor(sigma)), plain(x, torch.tensor(sigma)), atol=0, rtol=0)


@pytest.mark.parametrize("kind", [step_cache.easy, step_cache.lazy])
def test_more_is_left_out_and_more_is_off_the_higher_the_threshold(kind: Any):
    want, counts, errors = run(MODELS["sd15"]()), list[int](), list[float]()
    for threshold in (0.0, 0.05, 0.1, 0.3):
        calls: list[int] = []
        got = run(patched(kind, counted(calls), threshold))
        counts.append(len(calls))
        errors.append(float((got - want).abs().mean() / want.abs().mean()))
    assert counts[0] == 30
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < 20
    assert errors[0] == 0
    assert errors[1] < 0.05
    assert errors[-1] < 0.5


@pytest.mark.parametrize("kind", [step_cache.easy, step_cache.lazy])
def test_outside_of_its_part_of_the_run_every_step_is_computed(kind: Any):
    calls: list[int] = []
    model = counted(calls)
    run(patched(kind, model, 3.0, 1.0, 1.0))
    assert len(calls) == 30
    calls.clear()
    run(patched(kind, model, 3.0, 0.5, 1.0))
    at = model.prediction
    early = [s for s in for_sampler("euler", "normal", at, 30, 1.0)[:-1].tolist() if s > at.percent_to_sigma(0.5)]
    assert len(calls) == len(early)


def test_the_rule_is_the_papers():
    """One element, so that every mean is a number: the steps left out, and what stands for them."""
    at = MODELS["sd15"]().prediction
    cache = step_cache.StepCache(at, 0.15, (float("inf"), 0.0))
    sigmas = [10.0 * 0.9**i for i in range(12)]
    xs = [s * (1.1 + 0.05 * i) for i, s in enumerate(sigmas)]

    def network(i: int) -> float:
        return 1.0 + 0.02 * i + 0.3 * math.sin(i)

    computed, outputs, want_computed = list[int](), list[float](), list[int]()
    for i, (x, sigma) in enumerate(zip(xs, sigmas, strict=True)):

        def ask(i: int = i, x: float = x, sigma: float = sigma) -> dict[str, Tensor]:
            computed.append(i)
            return {"a": torch.full((1, 1, 1, 1), x - sigma * network(i))}

        x0 = cache(torch.full((1, 1, 1, 1), x), torch.tensor(sigma), ask)["a"]
        outputs.append((x - float(x0)) / sigma)
    inputs = [x / math.sqrt(s * s + 1) for x, s in zip(xs, sigmas, strict=True)]
    made = list[float]()
    k, error, offset = None, 0.0, 0.0
    for i, u in enumerate(inputs):
        if k is not None:
            error += k * abs(u - inputs[i - 1]) / abs(made[i - 1])
        if k is not None and error < 0.15:
            made.append(u + offset)
            continue
        want_computed.append(i)
        made.append(network(i))
        error, offset = 0.0, network(i) - u
        if i:
            k = abs(made[i] - made[i - 1]) / abs(u - inputs[i - 1])
    assert computed == want_computed
    assert 3 < len(computed) < 12
    assert outputs == pytest.approx(made, rel=1e-4)


def test_lazy_reuses_what_samplers_want_of_the_negative_too():
    calls: list[int] = []
    model = counted(calls)
    plain = run(MODELS["sd15"](), "euler_cfg_pp")
    got = run(patched(step_cache.lazy, model, 0.05), "euler_cfg_pp")
    assert len(calls) < 30
    assert (got - plain).abs().mean() < 0.3 * plain.abs().mean()


def test_a_range_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match=r"end_percent 0.1 is before start_percent 0.4"):
        step_cache.easy(MODELS["sd15"]().prediction, 0.2, 0.4, 0.1)
