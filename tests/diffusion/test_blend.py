"""Blend modes."""

import pytest
import torch

from diffusion.blend import MODES, blend

DRAW = torch.Generator().manual_seed(2)
A, B = (torch.rand(2, 5, 6, 3, generator=DRAW) for _ in range(2))


@pytest.mark.parametrize("mode", MODES)
def test_the_factor_goes_from_the_first_to_the_blend(mode: str):
    assert torch.equal(blend(A, B, 0.0, mode), A)
    half, whole = blend(A, B, 0.5, mode), blend(A, B, 1.0, mode)
    if mode != "difference":  # which is cut at 0
        torch.testing.assert_close(half, (A + whole) / 2)
    assert 0 <= whole.min() <= whole.max() <= 1


@pytest.mark.parametrize("mode", ["multiply", "screen"])
def test_symmetric_modes(mode: str):
    torch.testing.assert_close(blend(A, B, 1.0, mode), blend(B, A, 1.0, mode))


@pytest.mark.parametrize(
    ("mode", "neutral"),
    [("multiply", 1.0), ("screen", 0.0), ("overlay", 0.5), ("soft_light", 0.5), ("difference", 0.0)],
)
def test_neutral_colours(mode: str, neutral: float):
    torch.testing.assert_close(blend(A, torch.full_like(A, neutral), 1.0, mode), A)


def test_screen_is_multiply_of_negatives():
    torch.testing.assert_close(blend(A, B, 1.0, "screen"), 1 - blend(1 - A, 1 - B, 1.0, "multiply"))


def test_soft_light_is_continuous_at_its_switches():
    for a, b in ((0.25, 0.9), (0.7, 0.5)):
        near = [blend(torch.full_like(A, a + e), torch.full_like(A, b + e), 1.0, "soft_light") for e in (-1e-5, 1e-5)]
        torch.testing.assert_close(*near, atol=1e-4, rtol=0)


def test_the_second_is_fitted():
    assert blend(A, torch.rand(1, 9, 4, 4), 0.5, "normal").shape == A.shape


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="first picture has 4 channels and the second 3"):
        blend(torch.rand(1, 5, 6, 4), B, 0.5, "normal")
    with pytest.raises(ValueError, match="image1 holds 2 pictures and image2 3"):
        blend(A, torch.rand(3, 5, 6, 3), 0.5, "normal")
