"""Guidance and regions on models whose answers are known: laws that hold whatever the numbers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from diffusion import guidance, placement
from diffusion.conditioned import Conditioned
from diffusion.guidance import Guided
from diffusion.model import Model
from diffusion.regions import Conditioning, mirror_areas, resolve
from tests.replay.blend import replay
from tests.replay.toys import MODELS, Toy

SHAPE = (2, 4, 12, 16)
SIGMA = torch.tensor(1.5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Counting(Toy):
    """Notes the shape of the context of each call."""

    calls: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])

    def x0(self, x: Tensor, sigma: Tensor, conditions: Mapping[str, Tensor]) -> Tensor:
        assert len(x) == len(sigma) == len(conditions["context"])
        self.calls.append(tuple(conditions["context"].shape))
        return super().x0(x, sigma, conditions)


def counting() -> Counting:
    toy = MODELS["sd15"]()
    return Counting(network=toy.network, prediction=toy.prediction, latent_format=toy.latent_format)


def text(value: float, tokens: int = 7, **options: Any) -> tuple[Tensor, dict[str, Any]]:
    return torch.full((1, tokens, 8), value), options


def latent(*shape: int) -> Tensor:
    return torch.randn(*(shape or SHAPE), generator=torch.Generator().manual_seed(5))


def answer(model: Model, *conditioning: Any, x: Tensor | None = None, sigma: Tensor = SIGMA) -> Tensor:
    """x0 of one side."""
    x = latent() if x is None else x
    return Conditioned(model, {"positive": list(conditioning)}, x.shape)(x, sigma, ("positive",))["positive"]


def guided(guider: guidance.Guider, x: Tensor | None = None) -> Tensor:
    x = latent() if x is None else x
    return Guided(guider, tuple(x.shape))(x, SIGMA)


# --- classifier-free guidance --------------------------------------------------------------------


def test_guidance_is_linear_in_its_scale():
    model = MODELS["sd15"]()
    at = {c: guided(guidance.cfg(model, [text(0.4)], [text(-0.2)], c)) for c in (0.0, 1.0, 3.0, 5.0)}
    assert_close(at[0.0], answer(model, text(-0.2)))
    assert_close(at[1.0], answer(model, text(0.4)))
    assert_close(at[5.0] - at[3.0], (at[3.0] - at[1.0]))


def test_equal_prompts_are_no_guidance():
    model = MODELS["sd15"]()
    assert_close(guided(guidance.cfg(model, [text(0.4)], [text(0.4)], 9.0)), answer(model, text(0.4)))


def test_both_sides_are_one_call():
    model = counting()
    guided(guidance.cfg(model, [text(0.4)], [text(-0.2)], 7.0))
    assert model.calls == [(4, 7, 8)]


def test_at_scale_1_the_negative_is_not_asked_for():
    model = counting()
    guided(guidance.cfg(model, [text(0.4)], [text(-0.2)], 1.0))
    assert model.calls == [(2, 7, 8)]


def test_samplers_that_need_the_negative_get_it_at_any_scale():
    model, x = MODELS["sd15"](), latent()
    guider = guidance.cfg(model, [text(0.4)], [text(-0.2)], 1.0)
    positive, negative = Guided(guider, SHAPE).both(x, SIGMA)
    assert_close(positive, answer(model, text(0.4)))
    assert_close(negative, answer(model, text(-0.2)))
    assert Guided(guidance.basic(model, [text(0.4)]), SHAPE).both(x, SIGMA)[1].eq(0).all()


def test_little_memory_changes_the_calls_only(monkeypatch: pytest.MonkeyPatch):
    model = counting()
    guider = guidance.cfg(model, [text(0.4), text(0.1, 14)], [text(-0.2)], 7.0)
    roomy = guided(guider)
    monkeypatch.setattr(placement, "fits", lambda *_: False)
    assert_close(guided(guider), roomy, rtol=0, atol=0)
    assert model.calls == [(6, 14, 8), *[(2, 14, 8)] * 3]


def test_short_prompts_are_repeated_for_long_ones_within_reason():
    model = counting()
    guided(guidance.cfg(model, [text(0.4, 77)], [text(-0.2, 154)], 7.0))
    guided(guidance.cfg(model, [text(0.4, 77)], [text(-0.2, 77 * 5)], 7.0))
    assert model.calls == [(4, 154, 8), (2, 77, 8), (2, 385, 8)]


def test_two_prompts_with_strengths_of_their_own():
    model = MODELS["sd15"]()
    sides = [text(0.4)], [text(0.1)], [text(-0.2)]
    first, second, negative = (answer(model, *side) for side in sides)
    got = guided(guidance.dual_cfg(model, *sides, 3.0, 2.0))
    assert_close(got, negative + (second - negative) * 2 + (first - second) * 3)
    got = guided(guidance.dual_cfg(model, *sides, 3.0, 2.0, "nested"))
    assert_close(got, negative + (second + (first - second) * 3 - negative) * 2)
    for style in ("regular", "nested"):
        assert_close(guided(guidance.dual_cfg(model, *sides, 1.0, 1.0, style)), first)


def test_a_negative_along_the_positive_does_nothing():
    """Perp-Neg: only what is perpendicular counts."""
    model = MODELS["sd15"]()
    got = guided(guidance.perp_neg(model, [text(0.4)], [text(0.4)], [text(0.0)], 5.0, 2.0))
    assert_close(got, guided(guidance.cfg(model, [text(0.4)], [text(0.0)], 5.0)), atol=1e-5, rtol=1e-4)


# --- regions -------------------------------------------------------------------------------------


def test_one_strength_for_all_cancels():
    model = MODELS["sd15"]()
    mask = torch.full((1, 3, 3), 0.4)
    cases: list[dict[str, Any]] = [{"strength": 3.0}, {"mask": mask}, {"area": (12, 16, 0, 0)}, {"start_percent": 0.1}]
    for options in cases:
        assert_close(answer(model, text(0.4, **options)), answer(model, text(0.4)))


def test_strengths_are_shares():
    model = MODELS["sd15"]()
    got = answer(model, text(0.4, strength=3.0), text(-0.2))
    assert_close(got, 0.75 * answer(model, text(0.4)) + 0.25 * answer(model, text(-0.2)))


def test_nothing_is_said_outside_of_an_area():
    model = MODELS["sd15"]()
    got = answer(model, text(0.4, area=(8, 4, 2, 6)))
    inside = torch.zeros(SHAPE, dtype=torch.bool)
    inside[:, :, 2:10, 6:10] = True
    assert_close(got[inside], answer(model, text(0.4))[inside])
    assert got[~inside].eq(0).all()


def test_the_model_sees_the_crop_only():
    """For a model that does not look around, an area is the answer to the cropped latent."""
    model, x = MODELS["sd15"](), latent()
    got = answer(model, text(0.4, area=(8, 4, 2, 6)), x=x)[:, :, 2:10, 6:10]
    assert_close(got, answer(model, text(0.4), x=x[:, :, 2:10, 6:10]))


def test_inner_edges_are_soft_and_outer_ones_are_not():
    model = MODELS["sd15"]()
    full, other = answer(model, text(-0.2)), answer(model, text(0.4))
    got = answer(model, text(-0.2), text(0.4, area=(12, 12, 0, 0)))
    share = ((got - full) / (other - full))[0, 0, 6]
    weights = torch.cat([torch.ones(9), torch.tensor([1.0, 2 / 3, 1 / 3]), torch.zeros(4)])
    assert_close(share, weights / (1 + weights), atol=1e-4, rtol=0)


def test_percentages_are_shares_of_the_latent():
    model = MODELS["sd15"]()
    relative = answer(model, text(0.4), text(-0.2, area=("percentage", 0.5, 0.25, 0.25, 0.5)))
    assert_close(relative, answer(model, text(0.4), text(-0.2, area=(6, 4, 3, 8))))


def test_an_area_over_the_border_is_cut_and_one_outside_is_an_error():
    model = MODELS["sd15"]()
    assert_close(
        answer(model, text(0.4), text(-0.2, area=(8, 8, 6, 10))),
        answer(model, text(0.4), text(-0.2, area=(6, 6, 6, 10))),
    )
    with pytest.raises(ValueError, match="outside of the latent"):
        answer(model, text(0.4, area=(8, 8, 12, 0)))


def test_masks_are_shares_at_any_resolution():
    model = MODELS["sd15"]()
    mask = torch.zeros(1, 24, 32)
    mask[..., 16:] = 1
    got = answer(model, text(0.4, mask=mask), text(-0.2, mask=1 - mask))
    assert_close(got[..., :8], answer(model, text(-0.2))[..., :8])
    assert_close(got[..., 8:], answer(model, text(0.4))[..., 8:])


def test_each_item_of_a_batch_has_its_mask():
    model = MODELS["sd15"]()
    masks = torch.stack([torch.ones(12, 16), torch.zeros(12, 16)])
    got = answer(model, text(0.4, mask=masks), text(-0.2, mask=1 - masks))
    assert_close(got[0], answer(model, text(0.4))[0])
    assert_close(got[1], answer(model, text(-0.2))[1])


def test_the_bounds_of_a_mask_are_its_area():
    model = counting()
    mask = torch.zeros(1, 12, 16)
    mask[0, 2:11, 3:6] = 0.5
    regions = resolve([text(0.4, mask=mask, set_area_to_bounds=True)], model.prediction, SHAPE)
    area = regions[0].area
    assert area is not None
    assert (area.size, area.offset) == ((9, 8), (2, 3))
    empty = resolve([text(0.4, mask=mask * 0, set_area_to_bounds=True)], model.prediction, SHAPE)[0].area
    assert empty is not None
    assert (empty.size, empty.offset) == ((8, 8), (0, 0))


def test_a_default_fills_what_the_others_leave():
    model = MODELS["sd15"]()
    mask = torch.zeros(1, 12, 16)
    mask[..., :8] = 0.75
    got = answer(model, text(0.4, mask=mask), text(-0.2, default=True))
    want = 0.75 * answer(model, text(0.4)) + 0.25 * answer(model, text(-0.2))
    assert_close(got[..., :8], want[..., :8])
    assert_close(got[..., 8:], answer(model, text(-0.2))[..., 8:])


def test_a_range_of_steps():
    model = counting()
    at = model.prediction.percent_to_sigma
    early, late = text(0.4, end_percent=0.5), text(-0.2, start_percent=0.5)
    for percent, value in ((0.3, 0.4), (0.7, -0.2)):
        sigma = torch.tensor(at(percent))
        assert_close(answer(model, early, late, sigma=sigma), answer(model, text(value), sigma=sigma))
    assert answer(model, early, sigma=torch.tensor(at(0.9))).eq(0).all()


def test_areas_are_mirrored_with_the_text_of_the_smallest_that_encloses_them():
    at = MODELS["sd15"]().prediction

    def side(*conditioning: Any) -> list[Any]:
        return resolve(conditioning, at, SHAPE)

    sides = {
        "positive": side(text(0.4), text(0.5, area=(4, 4, 1, 1), strength=0.7)),
        "negative": side(text(-0.2), text(-0.3, area=(8, 8, 0, 0)), text(-0.4, area=(12, 8, 0, 8))),
    }
    mirror_areas(sides)

    def seen(name: str) -> list[tuple[float, Any, float]]:
        return [
            (
                round(float(r.conditions["context"].mean()), 3),
                r.area and (r.area.size, r.area.offset),
                r.strength,
            )
            for r in sides[name]
        ]

    assert seen("negative")[3:] == [(-0.3, ((4, 4), (1, 1)), 0.7)]
    assert seen("positive")[2:] == [(0.4, ((8, 8), (0, 0)), 1.0), (0.4, ((12, 8), (0, 8)), 1.0)]


def test_what_can_be_prepared_is_prepared_once():
    model = counting()
    conditions: Conditioning = [text(0.4), text(-0.2, area=(8, 4, 2, 6))]
    answers = Conditioned(model, {"positive": conditions}, SHAPE)
    first = answers(latent(), SIGMA, ("positive",))["positive"]
    assert_close(answers(latent(), SIGMA, ("positive",))["positive"], first, rtol=0, atol=0)
    assert len(answers._plans) == 1  # pyright: ignore[reportPrivateUsage]
    assert len(model.calls) == 4


def test_a_handle_changes_without_touching_the_other():
    model = counting()
    other = replace(model, prediction=MODELS["flow"]().prediction)
    assert other.network is model.network
    assert model.prediction is not other.prediction


def test_recorded_blends(conformance: Path):
    records = json.loads((conformance / "nodes.json").read_text(encoding="utf-8"))["blend"]
    found = list(replay(records, conformance))
    assert len(found) > 30
    assert not [line for line in found if line[1]]
