"""Schedules: shapes, ends, parts of them, and other people's implementations."""

import json
from pathlib import Path

import pytest
import torch
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.testing import assert_close

from diffusion import schedules
from diffusion.gits import gits
from diffusion.prediction import discrete, flow, flux
from diffusion.schedule_tables import ALIGN_YOUR_STEPS, OPTIMAL_STEPS, align_your_steps, optimal_steps
from diffusion.schedules import ONE_MORE, SCHEDULES, cut, for_sampler, schedule
from tests.replay.sampling import replay

MODELS = {"sd15": discrete("eps"), "flow": flow(3.0), "flux": flux(1.15)}
names = st.sampled_from(list(SCHEDULES))
models = st.sampled_from(list(MODELS.values()))


@given(names, models, st.integers(1, 60))
def test_a_schedule_falls_from_noise_to_zero(name: str, model, steps: int):
    sigmas = schedule(name, model, steps)
    assert sigmas.dtype == torch.float32
    assert sigmas[-1] == 0
    assert float(sigmas[0]) <= model.sigma_max * 1.0001
    assert bool((sigmas.diff() < 0).all())
    if name not in ("ddim_uniform", "beta"):
        assert len(sigmas) == steps + 1


@given(names, models, st.integers(1, 20), st.floats(0.05, 0.99))
def test_denoise_runs_the_end_of_a_longer_schedule(name: str, model, steps: int, denoise: float):
    longer = schedule(name, model, int(steps / denoise))
    assert_close(schedule(name, model, steps, denoise), longer[-(steps + 1) :])
    assert len(schedule(name, model, steps, 0.0)) == len(for_sampler("euler", name, model, steps, 0.0)) == 0


@given(st.sampled_from(sorted(ONE_MORE)), st.integers(1, 20))
def test_some_samplers_skip_the_last_level(sampler: str, steps: int):
    model = MODELS["sd15"]
    longer = schedule("normal", model, steps + 1)
    assert_close(for_sampler(sampler, "normal", model, steps), torch.cat([longer[:-2], longer[-1:]]))


@given(st.integers(2, 12), st.data())
def test_parts_of_a_schedule_join(steps: int, data: st.DataObject):
    sigmas = schedule("karras", MODELS["sd15"], steps)
    at = data.draw(st.integers(1, steps - 1))
    first, second = cut(sigmas, 0, at, keep_noise=True), cut(sigmas, at, 10000, keep_noise=False)
    assert_close(torch.cat([first, second[1:]]), sigmas)
    ended = cut(sigmas, 0, at, keep_noise=False)
    assert ended[-1] == 0
    assert_close(ended[:-1], first[:-1])
    assert len(cut(sigmas, steps, 10000, keep_noise=False)) == 0


diffusers_warns = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@diffusers_warns
@pytest.mark.parametrize("name", ["karras", "exponential"])
def test_equal_to_diffusers(name: str):
    theirs = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        use_karras_sigmas=name == "karras",
        use_exponential_sigmas=name == "exponential",
    )
    theirs.set_timesteps(12)
    assert_close(schedule(name, MODELS["sd15"], 12), theirs.sigmas, rtol=1e-4, atol=1e-5)


@diffusers_warns
def test_normal_is_diffusers_linspace():
    theirs = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", interpolation_type="log_linear"
    )
    theirs.set_timesteps(10)
    assert_close(schedule("normal", MODELS["sd15"], 10)[0], theirs.sigmas[0], rtol=1e-4, atol=0)
    assert_close(schedule("normal", MODELS["sd15"], 10)[-2], theirs.sigmas[-2], rtol=1e-4, atol=0)


def test_known_spacings():
    sigmas = schedules.exponential_between(5, 0.1, 10.0)[:-1]
    assert_close(sigmas[1:] / sigmas[:-1], torch.full((4,), 0.01 ** (1 / 4)))
    assert_close(schedules.polyexponential_between(5, 0.1, 10.0, 1.0)[:-1], sigmas)
    angles = schedules.kl_optimal(MODELS["sd15"], 5)[:-1].atan()
    assert_close(angles.diff(), angles.diff()[:1].expand(4))
    done = 1 - schedules.linear_quadratic(MODELS["flow"], 8)
    assert_close(done[:5], torch.linspace(0, 0.025, 5), atol=1e-6, rtol=0)
    laplace = schedules.laplace_between(7, 0.001, 1000.0, mu=0.5, beta=0.3)
    assert float(laplace[3].log()) == pytest.approx(0.5, abs=1e-4)  # the median
    assert len(laplace) == 7
    assert len(schedules.kl_optimal(MODELS["sd15"], 1)) == 2


def test_beta_follows_the_quantiles():
    """At alpha = beta = 1 the distribution is uniform, and the schedule the table's entries at even distances."""
    sigmas = schedules.beta(MODELS["sd15"], 9, 1.0, 1.0)
    index = [round(999 * (1 - i / 9)) for i in range(9)]
    assert_close(sigmas[:-1], MODELS["sd15"].sigmas[index])


@pytest.mark.parametrize("key", ALIGN_YOUR_STEPS)
def test_published_steps_stand_as_they_are(key: str):
    table = ALIGN_YOUR_STEPS[key]
    assert_close(align_your_steps(key, 10), torch.tensor([*table[:-1], 0.0]))
    finer = align_your_steps(key, 20)
    assert_close(finer[:-1:2], torch.tensor(table[:-1]))
    assert_close(finer[1:-1:2], torch.tensor(table).log().unfold(0, 2, 1).mean(1).exp())
    assert len(align_your_steps(key, 10, 0.0)) == 0
    assert_close(align_your_steps(key, 10, 0.5), align_your_steps(key, 10)[-6:])


@pytest.mark.parametrize("key", OPTIMAL_STEPS)
def test_optimal_steps_stand_as_they_are(key: str):
    table = OPTIMAL_STEPS[key]
    assert_close(optimal_steps(key, len(table) - 1), torch.tensor([*table[:-1], 0.0]))


MISSING = {(0.8, 16), (0.8, 18)}


@given(st.integers(16, 30).map(lambda n: n / 20), st.integers(2, 100))
def test_gits_falls_in_as_many_steps_as_asked(coeff: float, steps: int):
    assume((coeff, steps) not in MISSING)
    sigmas = gits(coeff, steps)
    assert len(sigmas) == steps + 1
    assert bool((sigmas.diff() < 0).all())
    assert_close(gits(coeff + 1e-9, steps), sigmas)


def test_gits_does_not_guess():
    with pytest.raises(ValueError, match=r"no list for 16 steps at coeff 0\.8"):
        gits(0.8, 16)
    with pytest.raises(ValueError, match=r"from 0\.8 to 1\.5"):
        gits(3.0, 7)


def test_turbo_takes_every_hundredth_timestep():
    model = MODELS["sd15"]
    assert_close(schedules.turbo(model, 2), torch.cat([model.sigma(torch.tensor([999.0, 899.0])), torch.zeros(1)]))
    assert_close(schedules.turbo(model, 1, 0.5)[0], model.sigma(torch.tensor(499.0)))


def test_ltxv_stretches_to_the_terminal():
    assert float(schedules.ltxv(8, 4096, 2.05, 0.95, 0.1)[-2]) == pytest.approx(0.1, abs=1e-6)
    assert_close(schedules.ltxv(8, 1024, 2.05, 0.0, None)[:-1], torch.linspace(1, 0, 9)[:-1])


def test_percents_at_the_ends():
    model = MODELS["sd15"]
    assert schedules.sigma_at(model, 0.0, actual=True) == model.sigma_max
    assert schedules.sigma_at(model, 1.0, actual=True) == model.sigma_min
    assert schedules.sigma_at(model, 0.0, actual=False) > model.sigma_max
    assert schedules.sigma_at(model, 1.0, actual=False) == 0


def test_recorded_schedules_and_runs(conformance: Path):
    data = json.loads((conformance / "sampling.json").read_text(encoding="utf-8"))
    found = list(replay(data, conformance))
    assert len(found) > 300
    assert not [line for line in found if line[1]]
