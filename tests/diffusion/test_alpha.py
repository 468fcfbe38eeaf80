"""Alpha channels and the Porter-Duff rules."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from diffusion.alpha import OPERATORS, join, porter_duff, split

DRAW = torch.Generator().manual_seed(3)
S, D = (torch.rand(2, 5, 6, 3, generator=DRAW) for _ in range(2))
SM, DM = (torch.rand(2, 5, 6, generator=DRAW) for _ in range(2))
ONE, NONE = torch.zeros(2, 5, 6), torch.ones(2, 5, 6)  # masks: opaque, transparent


def test_split_is_the_inverse_of_join():
    image, mask = split(join(S, SM))
    assert torch.equal(image, S)
    torch.testing.assert_close(mask, SM)


def test_a_picture_without_alpha_is_opaque():
    image, mask = split(S)
    assert torch.equal(image, S)
    assert mask.eq(0).all()
    assert mask.shape == (2, 5, 6)


def test_join_resizes_the_mask_and_keeps_the_shorter_batch():
    assert join(S, torch.zeros(9, 9)).shape == (1, 5, 6, 4)
    assert join(join(S, SM), ONE)[..., 3].eq(1).all()


# Porter & Duff's table: the fractions of source and destination that stay
FRACTIONS: dict[str, Callable[[Tensor, Tensor], tuple[Tensor | float, Tensor | float]]] = {
    "CLEAR": lambda sa, da: (0.0, 0.0),
    "SRC": lambda sa, da: (1.0, 0.0),
    "DST": lambda sa, da: (0.0, 1.0),
    "SRC_OVER": lambda sa, da: (1.0, 1 - sa),
    "DST_OVER": lambda sa, da: (1 - da, 1.0),
    "SRC_IN": lambda sa, da: (da, 0.0),
    "DST_IN": lambda sa, da: (0.0, sa),
    "SRC_OUT": lambda sa, da: (1 - da, 0.0),
    "DST_OUT": lambda sa, da: (0.0, 1 - sa),
    "SRC_ATOP": lambda sa, da: (da, 1 - sa),
    "DST_ATOP": lambda sa, da: (1 - da, sa),
    "XOR": lambda sa, da: (1 - da, 1 - sa),
}


@pytest.mark.parametrize("mode", FRACTIONS)
def test_the_published_table(mode: str):
    sa, da = 1 - SM[..., None], 1 - DM[..., None]
    fs, fd = FRACTIONS[mode](sa, da)
    alpha = torch.zeros_like(sa) + fs * sa + fd * da
    color = fs * S * sa + fd * D * da
    image, mask = porter_duff(S, SM, D, DM, mode)
    torch.testing.assert_close(1 - mask[..., None], alpha)
    torch.testing.assert_close(image * alpha, color, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", OPERATORS)
def test_values_stay_in_range_and_inputs_unchanged(mode: str):
    image, mask = porter_duff(S, SM, D, DM, mode)
    assert image.min() >= 0
    assert image.max() <= 1
    assert image.isfinite().all()
    assert mask.shape == (2, 5, 6)
    assert {t._version for t in (S, SM, D, DM)} == {0}


@pytest.mark.parametrize(
    ("mode", "want"),
    [
        ("DARKEN", torch.minimum(S, D)),
        ("LIGHTEN", torch.maximum(S, D)),
        ("MULTIPLY", S * D),
        ("SCREEN", 1 - (1 - S) * (1 - D)),
        ("ADD", (S + D).clamp(max=1)),
    ],
)
def test_blends_of_opaque_pictures(mode: str, want: Tensor):
    image, mask = porter_duff(S, ONE, D, ONE, mode)
    torch.testing.assert_close(image, want)
    assert mask.abs().max() < 1e-6


@pytest.mark.parametrize("mode", ["SRC_OVER", "DST_OVER", "XOR", "SCREEN", "DARKEN", "ADD"])
def test_a_transparent_source_leaves_the_destination(mode: str):
    image, mask = porter_duff(S, NONE, D, DM, mode)
    torch.testing.assert_close(image, D, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mask, DM)


def test_sizes_and_batches_follow_the_destination():
    image, mask = porter_duff(torch.rand(3, 9, 4, 4), torch.rand(7, 7), D, DM, "SRC")
    assert image.shape == (1, 5, 6, 3)
    assert mask.shape == (1, 5, 6)
