"""How x, sigma and x0 relate, for every kind of model."""

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import Tensor
from torch.testing import assert_close

from diffusion.prediction import (
    EDM,
    Prediction,
    angular,
    discrete,
    edm,
    flow,
    flux,
    flux_shift,
    stable_cascade,
    stable_diffusion_sigmas,
)

MODELS = {
    "eps": discrete("eps"),
    "v": discrete("v"),
    "v, zero SNR": discrete("v", zero_snr=True),
    "x0": discrete("x0"),
    "img_to_img": discrete("img_to_img"),
    "lcm": discrete("lcm"),
    "flow": flow(3.0),
    "aura flow": flow(1.73, multiplier=1.0),
    "flux": flux(1.15),
    "angular": angular(0.03, 500.0),
    "cascade": stable_cascade(2.0),
    **{f"edm {sampling}": edm(sampling, 0.002, 120.0) for sampling in EDM},
}
every = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def perfect_output(model: Prediction, x0: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """What a perfect network would answer, from the papers' definitions on their own scales."""
    s = sigma.reshape(-1, 1, 1, 1)
    total = (s**2 + model.data**2).sqrt()
    match model.kind:
        case "eps" | "lcm":
            return noise
        case "v":
            return (model.data * noise - s * x0 / model.data) / total
        case "edm":
            skip, out = model.data**2 / total**2, s * model.data / total
            return (x0 - skip * (x0 + s * noise)) / out
        case "flow" | "cosmos_rflow":
            return noise - x0
        case _:
            return x0


@every
def test_a_perfect_network_gives_x0_back(model: Prediction):
    g = torch.Generator().manual_seed(1)
    x0, noise = (torch.randn(3, 4, 2, 2, generator=g) for _ in range(2))
    sigma = torch.tensor([0.3, 0.5, 0.9])
    x = torch.stack([model.add_noise(x0[i], noise[i], sigma[i], False) for i in range(3)])
    got = model.to_x0(perfect_output(model, x0, noise, sigma), x, sigma)
    assert_close(got, x0, atol=1e-2 if model.kind == "lcm" else 2e-5, rtol=0)  # a consistency model mixes in x


@pytest.mark.parametrize("model", [m for m in MODELS.values() if m.kind != "img_to_img"])
def test_the_input_has_unit_variance_where_the_data_has(model: Prediction):
    g = torch.Generator().manual_seed(2)
    x0, noise = (torch.randn(1, 1, 300, 300, generator=g) for _ in range(2))
    for value in (model.sigma_min, 0.5, 0.99 * model.sigma_max):
        sigma = torch.tensor([value])
        fed = model.scale_input(model.add_noise(x0 * model.data, noise, sigma, False), sigma)
        flows = model.kind in ("flow", "cosmos_rflow")
        time = value / (1 + value) if model.kind == "cosmos_rflow" else value
        want = ((1 - time) ** 2 + time**2) ** 0.5 if flows else 1.0
        assert float(fed.std()) == pytest.approx(want, abs=0.01)


@every
def test_timestep_and_sigma_are_inverse(model: Prediction):
    middle = model.sigmas[len(model.sigmas) // 4 :: len(model.sigmas) // 8]
    again = model.sigma(model.timestep(middle))
    shift = getattr(model.space, "shift", 1.0)
    if model.flow:  # as the standard's schedules expect: the shift comes in once more
        again = again / (shift - (shift - 1) * again)
    elif shift != 1:
        again = again / shift
    assert_close(again, middle, atol=1e-4, rtol=1e-3)


@every
def test_percents_run_down_the_scale(model: Prediction):
    levels = [model.percent_to_sigma(p) for p in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] >= model.sigma_max
    assert levels[-1] == 0


@every
def test_a_run_that_stops_can_go_on(model: Prediction):
    """What `remove_scale` gives is taken back by `add_noise` without noise."""
    x = torch.randn(1, 4, 2, 2, generator=torch.Generator().manual_seed(3))
    sigma = torch.tensor(0.4)
    assert_close(model.add_noise(model.remove_scale(x, sigma), torch.zeros_like(x), sigma, False), x)


def test_a_full_run_starts_with_the_variance_of_the_end_of_the_scale():
    zeros, ones = torch.zeros(1), torch.ones(1)
    assert float(discrete("eps").add_noise(zeros, ones, 14.0, True)) == pytest.approx((1 + 14.0**2) ** 0.5)
    assert float(edm("cosmos_rflow", 0.002, 80.0).add_noise(zeros, ones, 80.0, True)) == 80


@pytest.mark.parametrize("zero_snr", [False, True])
def test_sigmas_are_those_of_diffusers(zero_snr: bool):
    theirs = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=zero_snr
    ).alphas_cumprod
    ours = stable_diffusion_sigmas(zero_snr=zero_snr)
    n = 999 if zero_snr else 1000  # the last is infinite there, and large here
    want = ((1 - theirs) / theirs).sqrt()[:n].double()
    assert_close(ours[:n], want, rtol=1e-3, atol=1e-5)
    assert float(ours[-1]) == pytest.approx(4518.76 if zero_snr else 14.6146, rel=1e-5)


def test_flow_sigmas_are_those_of_diffusers():
    theirs = FlowMatchEulerDiscreteScheduler(shift=3.0)
    assert_close(flow(3.0).sigmas, torch.as_tensor(theirs.sigmas).flip(0))
    assert_close(flow(3.0).timestep(flow(3.0).sigmas), torch.as_tensor(theirs.timesteps).flip(0))


def test_a_latent_consistency_model_knows_fifty_timesteps():
    model = discrete("lcm")
    assert len(model.sigmas) == 50
    assert model.timestep(model.sigmas).tolist() == list(range(19, 1000, 20))
    full = discrete("eps")
    assert_close(model.sigmas, full.sigma(model.timestep(model.sigmas)))


def test_the_shift_of_flux_grows_with_the_picture():
    assert flux_shift(256, 256, 0.5, 1.15) == pytest.approx(0.5)
    assert flux_shift(1024, 1024, 0.5, 1.15) == pytest.approx(1.15)


def test_impossible_scales_are_named():
    with pytest.raises(ValueError, match="sigma_min"):
        edm("eps", 0.0, 10.0)
    with pytest.raises(ValueError, match="below sigma_max"):
        angular(5.0, 1.0)
    with pytest.raises(ValueError, match="shift"):
        stable_cascade(0.0)
