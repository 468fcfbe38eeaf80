"""Two pictures side by side."""

import pytest
import torch
from torch import Tensor

from diffusion.stitch import opaque, stitch

A, B = torch.full((1, 4, 6, 3), 0.25), torch.full((1, 4, 6, 3), 0.75)


@pytest.mark.parametrize(
    ("direction", "shape", "first"),
    [
        ("right", (1, 4, 12, 3), (slice(None), slice(None, 6))),
        ("left", (1, 4, 12, 3), (slice(None), slice(6, None))),
        ("down", (1, 8, 6, 3), (slice(None, 4), slice(None))),
        ("up", (1, 8, 6, 3), (slice(4, None), slice(None))),
    ],
)
def test_the_direction_is_where_the_second_goes(direction: str, shape: tuple[int, ...], first: tuple[slice, slice]):
    got = stitch(A, B, direction, True, 0, "white")
    assert got.shape == shape
    assert got[:, first[0], first[1]].eq(0.25).all()
    assert got.sum().item() == pytest.approx((A + B).sum().item(), rel=2e-3)  # the second went through bytes


def test_matching_makes_the_touching_sides_equal():
    assert stitch(A, torch.zeros(1, 8, 6, 3), "right", True, 0, "white").shape == (1, 4, 6 + 3, 3)
    assert stitch(A, torch.zeros(1, 8, 6, 3), "down", True, 0, "white").shape == (1, 4 + 8, 6, 3)
    assert stitch(A, torch.zeros(1, 99, 1, 3), "right", True, 0, "white").shape == (1, 4, 6 + 1, 3)


@pytest.mark.parametrize(("color", "fill"), [("white", 1.0), ("black", 0.0), ("red", 0.0)])
def test_without_matching_the_smaller_is_centred(color: str, fill: float):
    got = stitch(A, torch.full((1, 7, 2, 3), 0.5), "right", False, 0, color)
    assert got.shape == (1, 7, 8, 3)
    assert got[0, :, 0, 0].tolist() == [fill, 0.25, 0.25, 0.25, 0.25, fill, fill]  # the odd rest goes below


@pytest.mark.parametrize(("asked", "given"), [(1, 2), (2, 2), (3, 4)])
def test_spacing_is_even_and_coloured(asked: int, given: int):
    got = stitch(A, B, "right", True, asked, "green")
    assert got.shape[2] == 12 + given
    assert got[0, 0, 6 : 6 + given].tolist() == [[0.0, 1.0, 0.0]] * given


def frames(*values: float) -> Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 4, 6, 3)


def test_the_shorter_batch_goes_on_with_its_last_picture():
    got = stitch(frames(0.1, 0.2), frames(0.5, 0.6, 0.7, 0.8), "down", True, 0, "white")
    assert got[:, 0, 0, 0].tolist() == frames(0.1, 0.2, 0.2, 0.2)[:, 0, 0, 0].tolist()
    assert got[:, -1, 0, 0] == pytest.approx([0.5, 0.6, 0.7, 0.8], abs=1 / 255)


def test_a_missing_alpha_is_opaque():
    got = stitch(A, opaque(B, 4) * torch.tensor([1, 1, 1, 0.5]), "right", False, 2, "blue")
    assert got[0, 0, :, 3].tolist() == [1.0] * 8 + [0.5] * 6
