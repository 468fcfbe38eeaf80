"""Guidance and patches against what others wrote of the same papers (diffusers), or against their formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from diffusion import guidance_patches
from diffusion.steering import GuidancePatch, Steering, Step

guiders = pytest.importorskip("diffusers.guiders")
SHAPE = (2, 4, 8, 6)
SCALE, SIGMA = 5.0, 1.7


def tensor(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def step(scale: float = SCALE) -> Step:
    x, noise = tensor(1) * SIGMA, (tensor(2), tensor(3))
    sides = {side: x - SIGMA * n for side, n in zip(("positive", "negative"), noise, strict=True)}
    return Step(x, torch.tensor(SIGMA, dtype=torch.float64), scale, sides)


def steering(patch: GuidancePatch) -> Steering:
    return patch.start(None, None)  # pyright: ignore[reportArgumentType] -- these need no guider


def plain(at: Step) -> Tensor:
    return at.negative + (at.positive - at.negative) * at.scale


def guided(patch: GuidancePatch, at: Step) -> Tensor:
    """As a guider goes through the three ways of a patch."""
    made = steering(patch)
    if made.before:
        at = replace(at, sides={**at.sides, **made.before(at)})
    x0 = made.blend(at) if made.blend else plain(at)
    return made.after(at, x0) if made.after else x0


@pytest.mark.parametrize("multiplier", [0.0, 0.4, 1.0])
def test_rescaled_guidance_is_diffusers(multiplier: float):
    from diffusers.guiders.guider_utils import rescale_noise_cfg

    at, total = step(), SIGMA**2 + 1

    def as_v(x0: Tensor) -> Tensor:
        return (at.x / total - x0) * (math.sqrt(total) / SIGMA)

    want = rescale_noise_cfg(as_v(plain(at)), as_v(at.positive), multiplier)
    assert_close(as_v(guided(guidance_patches.rescale_cfg(multiplier), at)), want)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, -2.0])
@pytest.mark.parametrize("threshold", [0.0, 3.0])
@pytest.mark.parametrize("momentum", [0.0, -0.5])
def test_projected_guidance_is_diffusers(eta: float, threshold: float, momentum: float):
    """Over three steps. Of diffusers' two ways it is that which begins at the positive."""
    from diffusers.guiders import adaptive_projected_guidance as theirs

    normalized_guidance: Any = theirs.normalized_guidance
    made = steering(guidance_patches.adaptive_projected(eta, threshold, momentum))
    buffer = theirs.MomentumBuffer(momentum) if momentum else None
    assert made.before
    for i, sigma in enumerate((3.0, 2.0, 1.0)):
        sides = {"positive": tensor(10 + i), "negative": tensor(20 + i)}
        at = Step(tensor(30 + i), torch.tensor(sigma, dtype=torch.float64), SCALE, sides)
        got = plain(replace(at, sides={**sides, **made.before(at)}))
        want = normalized_guidance(at.positive, at.negative, SCALE, buffer, eta, threshold, True)
        assert_close(got, want)


def test_tangential_guidance_is_diffusers():
    from diffusers.guiders.tangential_classifier_free_guidance import normalized_guidance

    at = step()
    toward, away = ((at.x - x0) / SIGMA for x0 in (at.positive, at.negative))
    want = normalized_guidance(toward, away, SCALE)
    got = (at.x - guided(guidance_patches.tangential(), at)) / SIGMA
    assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_what_zero_star_shares_is_diffusers():
    from diffusers.guiders.classifier_free_zero_star_guidance import cfg_zero_star_scale

    at = step()
    share = cfg_zero_star_scale((at.x - at.positive).flatten(1), (at.x - at.negative).flatten(1)).view(-1, 1, 1, 1)
    want = plain(at) + at.negative * (share - 1) * (1 - SCALE)
    assert_close(guided(guidance_patches.cfg_zero_star(), at), want)


def test_perp_neg_leaves_out_what_both_prompts_share():
    at = step()
    empty = tensor(9)
    made = steering(guidance_patches.perp_neg([], 1.5))
    assert made.blend
    got = made.blend(replace(at, sides={**at.sides, "empty": empty}))
    towards = at.positive - empty
    away = (got - empty) / SCALE - towards
    assert float((away * towards).sum()) == pytest.approx(0, abs=1e-9)
    shared = (at.negative - empty) + away / 1.5  # what was taken off is along the positive
    assert float((shared * towards).sum()) ** 2 == pytest.approx(float(shared.square().sum() * towards.square().sum()))


def test_a_scaled_noise_is_the_noise_divided():
    at = step()
    noise = (at.x - plain(at)) / SIGMA
    got = (at.x - guided(guidance_patches.epsilon_scaling(1.005), at)) / SIGMA
    assert_close(got, noise / 1.005)


@pytest.mark.parametrize(("waves", "gain"), [(0, 0.5), (1, 0.5), (3, 2.0)])
def test_frequencies_are_scaled_below_and_above_the_cutoff(waves: int, gain: float):
    """A difference of one wave across the picture is multiplied as a whole."""
    wave = torch.cos(torch.arange(16) * (2 * math.pi * waves / 16)).expand(1, 4, 16, 16)
    at = Step(
        torch.zeros(1, 4, 16, 16), torch.tensor(1.0), SCALE, {"positive": wave, "negative": torch.zeros_like(wave)}
    )
    assert_close(guided(guidance_patches.frequencies(0.5, 2.0, 2), at), wave * (gain * SCALE), atol=1e-4, rtol=1e-4)


def test_normed_and_renormed_results_are_as_long_as_the_positive():
    at = step()
    normed = guided(guidance_patches.cfg_norm(1.0), at)
    longer = plain(at).norm(dim=1) > at.positive.norm(dim=1)
    assert_close(normed.norm(dim=1)[longer], at.positive.norm(dim=1)[longer], atol=1e-6, rtol=1e-6)
    assert_close(normed.norm(dim=1)[~longer], plain(at).norm(dim=1)[~longer], atol=1e-6, rtol=1e-6)
    renormed = guided(guidance_patches.renorm_cfg(100, 0.5), at).flatten(1).norm(dim=1)
    assert_close(renormed, at.positive.flatten(1).norm(dim=1) * 0.5)


def test_mahiro_is_plain_guidance_where_both_prompts_agree():
    same = step()
    same = replace(same, sides={"positive": same.positive, "negative": same.positive})
    assert_close(guided(guidance_patches.mahiro(), same), _mahiro(same))
    assert_close(guided(guidance_patches.mahiro(), step()), _mahiro(step()))


def _mahiro(at: Step) -> Tensor:
    """Its author's formula, by numpy."""
    import numpy as np

    positive, negative = at.positive.numpy(), at.negative.numpy()
    leap, x0 = positive * at.scale, plain(at).numpy()
    merged, other = (leap + x0) / 2, negative * at.scale
    a, b = (np.sqrt(np.abs(t)) * np.sign(t) for t in (merged, other))
    alike = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    share: Any = (alike.mean() + 1) / 2
    return torch.from_numpy(x0 * share + leap * (1 - share))
