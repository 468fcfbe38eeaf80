"""Laws of conditionings: what is combined, what is set, and that nothing given is changed."""

from typing import Any

import pytest
import torch

from diffusion import conditioning


def entry(tokens: int = 3, width: int = 4, seed: int = 7, **options: Any) -> tuple[torch.Tensor, dict[str, Any]]:
    return torch.randn(1, tokens, width, generator=torch.Generator().manual_seed(seed)), options


def test_combined_entries_come_in_order_and_may_be_lists():
    a, b = entry(seed=1), entry(seed=2, strength=0.5)
    got = conditioning.combine([list(a)], [b, a])
    assert [e[0] for e in got] == [a[0], b[0], a[0]]
    assert got[1][1] == {"strength": 0.5}


def test_options_are_set_on_a_copy():
    given = [entry(strength=0.5)]
    got = conditioning.with_options(given, {"strength": 2.0, "guidance": 3.5})
    assert got[0][1] == {"strength": 2.0, "guidance": 3.5}
    assert given[0][1] == {"strength": 0.5}


def test_appended_values_do_not_reach_earlier_conditionings():
    once = conditioning.appended([entry()], "reference_latents", "a")
    twice = conditioning.appended(once, "reference_latents", "b")
    assert once[0][1]["reference_latents"] == ["a"]
    assert twice[0][1]["reference_latents"] == ["a", "b"]


def test_concat_puts_only_the_first_behind_each():
    to, after = [entry(2, seed=1), entry(5, seed=2)], [entry(3, seed=3), entry(9, seed=4)]
    got = conditioning.concat(to, after)
    assert [e.shape[1] for e, _ in got] == [5, 8]
    assert torch.equal(got[1][0][:, 5:], after[0][0])


@pytest.mark.parametrize("tokens", [1, 3, 6])
def test_an_average_keeps_its_tokens_and_ends_at_either_side(tokens: int):
    pooled = torch.ones(1, 5)
    to, other = [entry(3, seed=1, pooled_output=pooled)], [entry(tokens, seed=2, pooled_output=3 * pooled)]
    only_to = conditioning.average(to, other, 1.0)[0]
    only_other = conditioning.average(to, other, 0.0)[0]
    assert torch.equal(only_to[0], to[0][0])
    assert torch.equal(only_other[0][:, :tokens], other[0][0][:, :3])
    assert not only_other[0][:, tokens:].any()
    half = conditioning.average(to, other, 0.5)[0]
    assert torch.equal(half[1]["pooled_output"], 2 * pooled)


def test_an_average_takes_the_pooled_output_that_there_is():
    pooled = torch.ones(1, 5)
    assert conditioning.average([entry(pooled_output=pooled)], [entry()], 0.2)[0][1]["pooled_output"] is pooled
    assert conditioning.average([entry()], [entry(pooled_output=pooled)], 0.2)[0][1]["pooled_output"] is pooled


@pytest.mark.parametrize("change", [conditioning.concat, lambda a, b: conditioning.average(a, b, 0.5)])
def test_other_text_encoders_and_empty_conditionings_are_refused(change: Any):
    with pytest.raises(ValueError, match=r"width 4 .* width 8"):
        change([entry()], [entry(width=8)])
    with pytest.raises(ValueError, match="conditioning_from is empty"):
        change([entry()], [])


def test_zeroed_entries_keep_their_other_options():
    given = [entry(pooled_output=torch.ones(1, 5), guidance=3.5), entry(pooled_output=None)]
    got = conditioning.zero_out(given)
    assert not got[0][0].any()
    assert not got[0][1]["pooled_output"].any()
    assert got[0][1]["guidance"] == 3.5
    assert got[1][1]["pooled_output"] is None
    assert given[0][0].any()


def test_a_mask_of_one_picture_becomes_a_batch():
    got = conditioning.in_mask([entry()], torch.ones(3, 4), 0.5, bounds=True)[0][1]
    assert got["mask"].shape == (1, 3, 4)
    assert (got["mask_strength"], got["set_area_to_bounds"]) == (0.5, True)


def test_properties_set_only_what_is_given():
    given = [entry(strength=0.3)]
    assert conditioning.with_properties(given, strength=2.0, bounds=True)[0][1] == {"strength": 0.3}
    got = conditioning.with_properties(given, strength=2.0, bounds=False, steps=(0.2, 0.7))[0][1]
    assert got == {"strength": 0.3, "start_percent": 0.2, "end_percent": 0.7}


def test_upscaling_shows_a_quarter_of_the_result():
    images = torch.ones(2, 8, 10, 3)
    pixels, samples = conditioning.for_upscaling(images, 4.0)
    assert pixels.shape == (2, 3, 8, 10)
    assert torch.equal(pixels, torch.ones_like(pixels))
    assert samples.shape == (2, 4, 8, 10)
    with pytest.raises(ValueError, match="raise scale_ratio"):
        conditioning.for_upscaling(images, 0.1)
