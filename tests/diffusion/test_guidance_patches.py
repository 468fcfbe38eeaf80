"""Patched guidance: laws of each patch, and of patches together, on models whose answers are known."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from diffusion import guidance, guidance_patches
from diffusion.guidance import Guided
from diffusion.model import Model
from diffusion.noise import Noise
from diffusion.samplers import Sampler
from diffusion.sampling import sample
from diffusion.steering import GuidancePatch, after, before, blend, by_depth
from tests.replay.toys import MODELS

SHAPE = (2, 4, 8, 8)
SIGMA = torch.tensor(1.5)
POSITIVE, NEGATIVE = ([(torch.full((1, 7, 8), value), dict[str, Any]())] for value in (0.4, -0.3))

PATCHES = {
    "rescale": guidance_patches.rescale_cfg(0.7),
    "renorm": guidance_patches.renorm_cfg(100, 1.0),
    "zero star": guidance_patches.cfg_zero_star(),
    "norm": guidance_patches.cfg_norm(1.0),
    "tangential": guidance_patches.tangential(),
    "mahiro": guidance_patches.mahiro(),
    "projected": guidance_patches.adaptive_projected(0.5, 3.0, 0.1),
    "perp neg": guidance_patches.perp_neg([(torch.zeros(1, 7, 8), {})], 1.0),
    "epsilon": guidance_patches.epsilon_scaling(1.1),
    "linear": guidance_patches.linear_scale(1.0),
    "triangle": guidance_patches.triangle_scale(1.0),
    "frequencies": guidance_patches.frequencies(0.5, 1.5, 2),
}

NEUTRAL = {
    "rescale": guidance_patches.rescale_cfg(0.0),
    "renorm": guidance_patches.renorm_cfg(100, 1e6),
    "any length": guidance_patches.renorm_cfg(100, 0.0),
    "epsilon": guidance_patches.epsilon_scaling(1.0),
    "frequencies": guidance_patches.frequencies(1.0, 1.0, 2),
    "operation": guidance_patches.operate(lambda x: x),
}


def toy(*patches: GuidancePatch) -> Model:
    return replace(MODELS["sd15"](), guidance=patches)


def x_of(shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def answer(model: Model, scale: float = 5.0, x: Tensor | None = None) -> Tensor:
    x = x_of() if x is None else x
    return Guided(guidance.cfg(model, POSITIVE, NEGATIVE, scale), tuple(x.shape))(x, SIGMA)


@pytest.mark.parametrize("name", PATCHES)
def test_each_changes_what_guidance_gives(name: str):
    assert not torch.allclose(answer(toy(PATCHES[name])), answer(toy()), atol=1e-3)


@pytest.mark.parametrize("name", NEUTRAL)
def test_neutral_strengths_change_nothing(name: str):
    assert_close(answer(toy(NEUTRAL[name])), answer(toy()), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", PATCHES.keys() - {"perp neg", "linear", "triangle", "mahiro"})
def test_items_of_a_batch_do_not_mix(name: str):
    model, x = toy(PATCHES[name]), x_of()
    assert_close(answer(model, x=x)[1:], answer(model, x=x[1:]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", PATCHES.keys() - {"norm", "epsilon"})
def test_without_guidance_the_positive_stands_alone(name: str):
    assert_close(answer(toy(PATCHES[name]), scale=1.0), answer(toy(), scale=1.0))


@pytest.mark.parametrize("name", PATCHES)
def test_cfg_pp_samplers_get_the_same_and_the_negative(name: str):
    x, guider = x_of(), guidance.cfg(toy(PATCHES[name]), POSITIVE, NEGATIVE, 4.0)
    guided, negative = Guided(guider, SHAPE).both(x, SIGMA)
    assert_close(guided, Guided(guider, SHAPE)(x, SIGMA))
    assert_close(negative, Guided(guidance.basic(toy(), NEGATIVE), SHAPE)(x, SIGMA))


def test_the_last_blend_wins_and_what_comes_after_adds_up():
    first, second = blend(lambda step: step.positive), blend(lambda step: step.negative * 2)
    more = after(lambda step, x0: x0 + 1), after(lambda step, x0: x0 * 3)
    negative = Guided(guidance.basic(toy(), NEGATIVE), SHAPE)(x_of(), SIGMA)
    assert_close(answer(toy(first, more[0], second, more[1])), (negative * 2 + 1) * 3)


def test_what_comes_before_is_seen_by_what_follows():
    halved = before(lambda step: {"negative": step.negative / 2})
    doubled = before(lambda step: {"negative": step.negative * 2})
    assert_close(answer(toy(halved, doubled)), answer(toy()))


def test_other_guiders_take_only_what_comes_after():
    patches = blend(lambda step: step.positive * 0), after(lambda step, x0: x0 + 1)
    plain, patched = (
        Guided(guidance.dual_cfg(m, POSITIVE, POSITIVE, NEGATIVE, 2.0, 3.0), SHAPE)(x_of(), SIGMA)
        for m in (toy(), toy(*patches))
    )
    assert_close(patched, plain + 1)


def test_rescaled_guidance_has_the_deviation_of_the_positive():
    """Of v, of which x0 is linear with the same x: compare away from x."""
    x = torch.zeros(SHAPE) + torch.linspace(-2, 2, 8)
    rescaled = answer(toy(guidance_patches.rescale_cfg(1.0)), x=x)
    positive = answer(toy(), scale=1.0, x=x)
    own = x / (SIGMA**2 + 1)
    assert_close((own - rescaled).std((1, 2, 3)), (own - positive).std((1, 2, 3)))


def test_normed_guidance_is_not_longer_than_the_positive():
    positive = answer(toy(), scale=1.0)
    for patch in (guidance_patches.renorm_cfg(100, 1.0), guidance_patches.cfg_norm(1.0)):
        assert (answer(toy(patch), scale=9.0).norm() <= positive.norm() * (1 + 1e-5)).all()


def test_above_its_sigma_there_is_no_guidance():
    assert_close(answer(toy(guidance_patches.renorm_cfg(1.0, 1.0))), answer(toy(), scale=1.0))


def test_the_scale_of_a_frame():
    x, frames = x_of((1, 4, 8, 8)).expand(5, -1, -1, -1), {}
    for name in ("linear", "triangle"):
        frames[name] = answer(toy(PATCHES[name]), scale=5.0, x=x)
    for i, (linear, triangle) in enumerate(zip((1, 2, 3, 4, 5), (1, 3, 5, 3, 1), strict=True)):
        assert_close(frames["linear"][i : i + 1], answer(toy(), scale=linear, x=x[:1]))
        assert_close(frames["triangle"][i : i + 1], answer(toy(), scale=triangle, x=x[:1]))


def test_momentum_is_of_one_run_only():
    model, sigmas = toy(guidance_patches.adaptive_projected(1.0, 0.0, -0.5)), torch.tensor([6.0, 3.0, 1.0, 0.0])

    def run() -> Tensor:
        guider, start = guidance.cfg(model, POSITIVE, NEGATIVE, 4.0), {"samples": torch.zeros(1, 4, 8, 8)}
        return sample(guider, start, sampler=Sampler("euler"), sigmas=sigmas, noise=Noise(1))[0]["samples"]

    assert torch.equal(run(), run())


# --- masks that change on the way ----------------------------------------------------------------


def test_a_place_changes_from_its_own_depth_on():
    model, sigmas = MODELS["sd15"](), [10.0, 5.0, 2.0, 0.7, 0.0]
    mask, at = torch.linspace(0, 1, 101).view(1, 1, 1, -1), model.prediction
    times = [float(at.timestep(torch.tensor(s))) for s in sigmas]
    for sigma, time in zip(sigmas, times, strict=True):
        got = by_depth(1.0)(mask, torch.tensor(sigma), sigmas, at)
        left = (time - times[-1]) / (times[0] - times[-1])
        assert torch.equal(got, (mask >= left).float())


def test_without_strength_the_mask_stays_as_it_is():
    mask, at = torch.rand(1, 1, 4, 4), MODELS["sd15"]().prediction
    assert torch.equal(by_depth(0.0)(mask, torch.tensor(2.0), [10.0, 0.0], at), mask)
    halved = by_depth(0.5)(mask, torch.tensor(2.0), [10.0, 0.0], at)
    assert_close(halved, (by_depth(1.0)(mask, torch.tensor(2.0), [10.0, 0.0], at) + mask) / 2)


def test_differential_diffusion_keeps_black_and_equals_a_hard_mask_where_the_mask_is_hard():
    hard = (torch.arange(8) >= 4).float().expand(1, 1, 8, 8)
    clean, sigmas = x_of((1, 4, 8, 8)), torch.tensor([6.0, 3.0, 1.0, 0.0])
    models = MODELS["sd15"](), replace(MODELS["sd15"](), mask_rule=by_depth(1.0))

    def run(model: Model) -> Tensor:
        guider = guidance.cfg(model, POSITIVE, NEGATIVE, 4.0)
        latent = {"samples": clean, "noise_mask": hard}
        return sample(guider, latent, sampler=Sampler("euler"), sigmas=sigmas, noise=Noise(1))[0]["samples"]

    plain, differential = (run(m) for m in models)
    assert_close(differential, plain)
    assert_close(differential[..., :4], clean[..., :4], atol=1e-5, rtol=1e-5)
