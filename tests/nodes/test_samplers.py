"""The nodes that choose a sampler: each gives one that runs, and whose defaults are those of its function."""

import inspect
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch

from diffusion.noise import Noise, NoiseSource
from diffusion.samplers import SAMPLERS, UNLISTED, Sampler
from executor.node import NodeSpec, registry
from nodes import noise, samplers
from tests.diffusion.solving import Mixture, scale, schedule, start_of

SPECS = {n: s for n, s in registry.items() if s.module == "nodes.samplers" and n != "KSamplerSelect"}
GIVEN: dict[str, Any] = {"model": SimpleNamespace(prediction=scale(False)), "use_pece": False, "simple_order_2": False}


def make(spec: NodeSpec, **values: Any) -> Sampler:
    required = {"noise_device": "cpu", "version": "regular", "upscale_method": "bilinear"} | GIVEN
    solver = {"SamplerER_SDE": "ER-SDE", "SamplerDPMPP_2M_SDE": "midpoint"}
    given = {k: v for k, v in required.items() if k in spec.inputs}
    if spec.name in solver:
        given["solver_type"] = solver[spec.name]
    return spec.function(**(given | values))


def run(sampler: Sampler) -> torch.Tensor:
    sigmas = schedule(6, 14.6, 0.03, zero=True)
    x = start_of(sigmas, 1, 2, 4, 4)

    def on_step(i: int, n: int, x0: torch.Tensor) -> None: ...

    return sampler(Mixture(), x, sigmas, prediction=scale(False), noise=NoiseSource(2), on_step=on_step)


def test_every_sampler_can_be_selected():
    assert registry["KSamplerSelect"].inputs["sampler_name"].choices is not None
    for name in SAMPLERS:
        assert samplers.k_sampler_select(sampler_name=name).name == name


@pytest.mark.parametrize("name", SPECS)
def test_defaults_are_those_of_the_function(name: str):
    sampler = make(SPECS[name])
    parameters = inspect.signature((SAMPLERS | UNLISTED)[sampler.name]).parameters
    assert set(sampler.options) <= set(parameters)
    given = {k: v for k, v in sampler.options.items() if k not in ("noisy_sigmas", "upscale_method")}
    assert given == {k: parameters[k].default for k in given}


@pytest.mark.parametrize("name", SPECS)
def test_each_gives_what_its_plain_sampler_gives(name: str):
    sampler = make(SPECS[name])
    if sampler.name in SAMPLERS:
        torch.testing.assert_close(run(sampler), run(Sampler(sampler.name)), rtol=1e-12, atol=1e-12)
    else:
        assert run(sampler).isfinite().all()


@pytest.mark.parametrize("name", [n for n, s in SPECS.items() if "s_noise" in s.inputs])
def test_s_noise_scales_the_noise(name: str):
    more = {"eta": 1.0} if name == "SamplerDPMAdaptative" else {}
    assert not torch.equal(run(make(SPECS[name], s_noise=0.5, **more)), run(make(SPECS[name], **more)))


@pytest.mark.parametrize("solver", ["ER-SDE", "Reverse-time SDE", "ODE"])
def test_the_equations_of_er_sde_differ(solver: str):
    results = {s: run(make(SPECS["SamplerER_SDE"], solver_type=s)) for s in ("ER-SDE", "Reverse-time SDE", "ODE")}
    assert all(torch.equal(results[solver], r) == (s == solver) for s, r in results.items())
    still = run(make(SPECS["SamplerER_SDE"], solver_type="Reverse-time SDE", eta=0.0))
    assert torch.equal(still, results["ODE"])


def test_noise_nodes():
    assert noise.random_noise(noise_seed=2**64 - 1) == Noise(2**64 - 1)
    assert not noise.disable_noise().of(torch.ones(1, 4, 2, 2)).any()


def test_device_menus_begin_with_the_default_of_the_standard():
    assert get_args(get_args(samplers.Device)[0])[0] == "gpu"
