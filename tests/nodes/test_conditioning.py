"""The conditioning nodes for pairs do to each of the two what the ones for single conditionings do."""

from typing import Any

import pytest
import torch

from executor.node import registry

POSITIVE = [(torch.ones(1, 2, 3), {"pooled_output": torch.ones(1, 3)})]
NEGATIVE = [(torch.zeros(1, 2, 3), {"strength": 0.5})]
PROPERTIES: dict[str, Any] = {
    "strength": 0.7,
    "set_cond_area": "mask bounds",
    "mask": torch.ones(1, 4, 5),
    "timesteps": (0.25, 0.5),
}


def node(name: str, **inputs: Any) -> Any:
    return registry[name].function(**inputs)


def test_pairs_get_the_properties_of_singles():
    pair = node("PairConditioningSetProperties", positive_NEW=POSITIVE, negative_NEW=NEGATIVE, **PROPERTIES)
    for got, old in zip(pair, (POSITIVE, NEGATIVE), strict=True):
        assert got == node("ConditioningSetProperties", cond_NEW=old, **PROPERTIES)
        ((embedding, options),) = got
        assert embedding is old[0][0]
        assert (options["start_percent"], options["end_percent"], options["mask_strength"]) == (0.25, 0.5, 0.7)
        assert options["set_area_to_bounds"]
        assert options.items() >= old[0][1].items()


def test_combined_pairs_keep_the_old_ones_first():
    new: dict[str, Any] = {"positive_NEW": NEGATIVE, "negative_NEW": POSITIVE, **PROPERTIES}
    got = node("PairConditioningSetPropertiesAndCombine", positive=POSITIVE, negative=NEGATIVE, **new)
    changed = node("PairConditioningSetProperties", **new)
    assert got == (POSITIVE + changed.positive, NEGATIVE + changed.negative)
    single = node("ConditioningSetPropertiesAndCombine", cond=POSITIVE, cond_NEW=NEGATIVE, **PROPERTIES)
    assert got.positive == single


def test_defaults_are_marked():
    got = node(
        "PairConditioningSetDefaultCombine",
        positive=POSITIVE,
        negative=NEGATIVE,
        positive_DEFAULT=NEGATIVE,
        negative_DEFAULT=POSITIVE,
    )
    assert [[options.get("default", False) for _, options in side] for side in got] == [[False, True]] * 2


@pytest.mark.parametrize(("start", "end"), [(0.25, 0.5), (0.0, 1.0)])
def test_ranges_cover_all_steps(start: float, end: float):
    inside, before, after = node("ConditioningTimestepsRange", start_percent=start, end_percent=end)
    assert (before, inside, after) == ((0, start), (start, end), (end, 1))


def test_a_pair_has_one_frame_rate():
    pair = node("LTXVConditioning", positive=POSITIVE, negative=NEGATIVE, frame_rate=24.0)
    assert [options["frame_rate"] for side in pair for _, options in side] == [24.0, 24.0]
