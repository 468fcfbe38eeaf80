"""What a network is asked in training: diffusers' gradients, and the least loss that is known for simple data."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.training_utils import compute_snr
from torch import Tensor

from diffusion import layouts
from diffusion.prediction import KINDS, Prediction, discrete, edm, flow
from diffusion.training.objective import LOSSES, Question, draw, loss, signal_to_noise, snr_weight
from tests.diffusion.test_unet import error, narrow

TIMES = torch.tensor([3, 250, 731, 999])


@pytest.mark.parametrize(("kind", "theirs"), [("eps", "epsilon"), ("v", "v_prediction")])
def test_gradients_are_those_of_a_training_step_with_diffusers(kind: str, theirs: str):
    ours, his = (network.requires_grad_(True) for network in narrow("SD 1"))
    x0, noise, context = torch.randn(4, 4, 8, 8), torch.randn(4, 4, 8, 8), torch.randn(4, 9, 24)
    schedule: Any = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    answer = his(schedule.add_noise(x0, noise, TIMES), TIMES, context).sample
    target = noise if kind == "eps" else schedule.get_velocity(x0, noise, TIMES)
    torch.nn.functional.mse_loss(answer, target).backward()

    prediction = discrete(kind)
    loss(ours, prediction, Question(x0, noise, prediction.sigmas[TIMES]), {"context": context}).backward()

    names = layouts.unet_names({name: tuple(t.shape) for name, t in his.state_dict().items()})
    mine = dict(ours.named_parameters())
    pairs = [(_grad(mine[names[name]]), _grad(p)) for name, p in his.named_parameters()]
    assert len(pairs) == len(mine)
    assert error(torch.cat([a.flatten() for a, _ in pairs]), torch.cat([b.flatten() for _, b in pairs])) < 1e-4
    assert max(error(a, b) for a, b in pairs if b.norm() > 1e-6) < 1e-3


def _grad(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


TRAINED = [discrete("eps"), discrete("v"), discrete("x0"), flow(3.0), edm("edm", 0.002, 80)]


@pytest.mark.parametrize("prediction", TRAINED, ids=lambda p: p.kind)
def test_the_target_is_the_answer_that_gives_x0(prediction: Prediction):
    question = draw(torch.randn(64, 4, 2, 2), prediction, torch.Generator().manual_seed(1))
    sigma = question.sigma.view(-1, 1, 1, 1)
    x = prediction.add_noise(question.x0, question.noise, sigma, False)
    target = prediction.target(question.x0, question.noise, question.sigma)
    assert torch.allclose(prediction.to_x0(target, x, question.sigma), question.x0, atol=2e-4)


def test_the_best_denoiser_of_a_gaussian_has_the_least_loss_that_is_known():
    """x0 of standard deviation s: of the noise, s^2 / (s^2 + sigma^2) of the variance cannot be known from x."""
    s, prediction, random = 0.5, discrete("eps"), torch.Generator().manual_seed(2)
    question = draw(torch.randn(40_000, 1, 2, 2, generator=random) * s, prediction, random)
    sigma = question.sigma.view(-1, 1, 1, 1)

    def best(x: Tensor, timestep: Tensor, slope: float = 1.0) -> Tensor:
        """E[noise | x], where x comes scaled to unit variance of noise and signal 1."""
        return slope * x * (1 + sigma**2).sqrt() * sigma / (s**2 + sigma**2)

    least = float((s**2 / (s**2 + prediction.sigmas**2)).mean())
    assert float(loss(best, prediction, question, {})) == pytest.approx(least, rel=0.02)
    for slope in (0.95, 1.05):
        assert float(loss(lambda x, t, slope=slope: best(x, t, slope), prediction, question, {})) > least


def test_every_loss_is_zero_for_the_right_answer_and_grows_with_the_fault():
    prediction, random = discrete("eps"), torch.Generator().manual_seed(3)
    question = draw(torch.zeros(2, 4, 2, 2), prediction, random)
    for kind in LOSSES:
        values = [
            float(loss(lambda *_, by=by: question.noise + by, prediction, question, {}, kind)) for by in (0, 1, 3)
        ]
        assert values[0] == 0
        assert values[0] < values[1] < values[2]


def test_levels_of_noise_are_all_as_likely_and_follow_the_seed():
    prediction = discrete("eps")
    sigma = draw(torch.zeros(20_000, 1, 1, 1), prediction, torch.Generator().manual_seed(5)).sigma
    places = torch.searchsorted(prediction.sigmas, sigma)
    assert torch.histc(places.float(), 10, 0, 1000).sub(2000).abs().max() < 200
    again = draw(torch.zeros(20_000, 1, 1, 1), prediction, torch.Generator().manual_seed(5)).sigma
    assert torch.equal(sigma, again)


@pytest.mark.parametrize("kind", sorted(name for name, kind in KINDS.items() if kind.target is None))
def test_models_that_are_made_from_others_are_refused(kind: str):
    prediction = discrete(kind)
    with pytest.raises(ValueError, match=f"'{kind}' cannot be trained this way; take its base model"):
        prediction.target(torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2), prediction.sigmas[:1])


def test_the_signal_to_noise_ratio_is_that_of_diffusers():
    schedule: Any = DDPMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    prediction = discrete("eps")
    torch.testing.assert_close(
        signal_to_noise(prediction, prediction.sigmas), compute_snr(schedule, torch.arange(1000)), rtol=1e-3, atol=0
    )
    assert signal_to_noise(flow(1.0), torch.tensor([0.5, 0.2])).tolist() == pytest.approx([1, 16])


def test_no_level_counts_for_more_than_gamma_in_terms_of_x0():
    """eps differs from x0 by the factor sigma, v by sqrt(1 + sigma^2) / sigma of the same, x0 by none."""
    for kind in ("eps", "v", "x0"):
        prediction = discrete(kind)
        snr = signal_to_noise(prediction, prediction.sigmas)
        to_x0 = {"eps": snr, "v": snr + 1, "x0": torch.ones_like(snr)}[kind]
        weight = snr_weight(prediction, prediction.sigmas, 5.0) * to_x0
        torch.testing.assert_close(weight, snr.clamp(max=5))
    with pytest.raises(ValueError, match="min_snr has no meaning for a model of the kind 'flow'; set it to 0"):
        snr_weight(flow(1.0), torch.tensor([0.5]), 5.0)


def test_offset_noise_moves_whole_channels():
    """The mean of a channel of n pixels has the variance 1 / n, and what the offset adds squared."""
    prediction, random = discrete("eps"), torch.Generator().manual_seed(7)
    noise = draw(torch.zeros(3000, 4, 8, 8), prediction, random, offset_noise=0.5).noise
    assert float(noise.mean((2, 3)).var()) == pytest.approx(0.25 + 1 / 64, rel=0.05)
    assert float((noise - noise.mean((2, 3), keepdim=True)).var()) == pytest.approx(1 - 1 / 64, rel=0.05)


@pytest.mark.parametrize("levels", [(0.0, 0.25), (0.5, 1.0), (0.9, 0.9001), (0.9999, 1.0)])
def test_a_part_of_the_levels_can_be_drawn_from(levels: tuple[float, float]):
    prediction = discrete("eps")
    sigma = draw(torch.zeros(500, 1, 1, 1), prediction, torch.Generator().manual_seed(8), levels=levels).sigma
    places = torch.searchsorted(prediction.sigmas, sigma)
    assert places.min() >= min(999, round(levels[0] * 1000))
    assert places.max() <= max(round(levels[0] * 1000), round(levels[1] * 1000) - 1)


def test_latents_count_as_their_weights_say():
    prediction, random = discrete("v"), torch.Generator().manual_seed(9)
    question = draw(torch.randn(3, 4, 2, 2, generator=random), prediction, random)
    weights = torch.tensor([1.0, 0.0, 0.5])
    target = prediction.target(question.x0, question.noise, question.sigma)
    got = loss(lambda x, t: torch.zeros_like(x), prediction, question, {}, weights=weights)
    torch.testing.assert_close(got, (target.pow(2).mean((1, 2, 3)) * weights).mean())
