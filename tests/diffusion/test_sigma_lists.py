"""Changes to lists of sigmas."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from diffusion.sigma_lists import SPACINGS, extend, flip, split, split_denoise, with_first

lists = st.lists(st.floats(0.0625, 20, width=32), min_size=1, max_size=12, unique=True).map(
    lambda values: torch.tensor([*sorted(values, reverse=True), 0.0])
)


@given(lists, st.integers(0, 15))
def test_halves_share_one_level(sigmas: Tensor, step: int):
    high, low = split(sigmas, step)
    assert_close(torch.cat([high, low[1:]]), sigmas)


@given(lists, st.floats(0, 1))
def test_the_second_half_is_the_share(sigmas: Tensor, denoise: float):
    high, low = split_denoise(sigmas, denoise)
    steps = round((len(sigmas) - 1) * denoise)
    assert len(low) == steps + 1
    assert_close(torch.cat([high, low[1:]]), sigmas) if steps else None
    assert len(high) == (len(sigmas) - steps if steps else 0)


@given(lists)
def test_flipping_twice_loses_the_zero_only(sigmas: Tensor):
    assert_close(flip(flip(sigmas)), torch.cat([sigmas[:-1], torch.tensor([0.0001])]))
    assert sigmas[-1] == 0


def test_flipping_nothing():
    assert len(flip(torch.empty(0))) == 0


def test_another_start():
    sigmas = torch.tensor([3.0, 1.0, 0.0])
    assert with_first(sigmas, 9.0).tolist() == [9.0, 1.0, 0.0]
    assert sigmas[0] == 3
    assert len(with_first(torch.empty(0), 9.0)) == 0


@given(lists, st.integers(1, 4), st.sampled_from(list(SPACINGS)))
def test_extending_keeps_the_levels(sigmas: Tensor, steps: int, spacing: str):
    longer = extend(sigmas, steps, -1.0, 0.0, spacing)
    assert_close(longer[::steps], sigmas)
    assert bool((longer.diff() <= 0).all())


def test_extending_within_limits():
    sigmas = torch.tensor([8.0, 4.0, 2.0, 0.0])
    assert extend(sigmas, 2, 5.0, 3.0, "linear").tolist() == [8.0, 4.0, 3.0, 2.0, 0.0]
    assert extend(sigmas[:1], 2, -1.0, 0.0, "linear").tolist() == [8.0]
    cosine = extend(torch.tensor([1.0, 0.0]), 2, -1.0, 0.0, "cosine")
    assert float(cosine[1]) == pytest.approx(1 - 0.5**0.5)
