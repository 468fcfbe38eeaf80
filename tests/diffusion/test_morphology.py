"""Erosion and dilation, against loops, and the laws between them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diffusion.morphology import OPERATIONS, dilate, erode

X = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(6))
SIZE = st.integers(1, 20)


def lowest(x: Tensor, size: int) -> Tensor:
    """For each pixel the least of the square that begins size // 2 up and left of it."""
    low, result = size // 2, torch.empty_like(x)
    for i in range(x.shape[-2]):
        for j in range(x.shape[-1]):
            square = x[..., max(i - low, 0) : max(i - low + size, 0), max(j - low, 0) : max(j - low + size, 0)]
            result[..., i, j] = square.amin((-2, -1))
    return result


@given(size=SIZE)
@settings(max_examples=20, deadline=None)
def test_erosion_is_the_least_of_the_square(size: int):
    assert torch.equal(erode(X, size), lowest(X, size))


@given(size=SIZE)
@settings(max_examples=20, deadline=None)
def test_dilation_is_the_greatest_of_the_reflected_square(size: int):
    assert torch.equal(dilate(X, size), -lowest(-X.flip(-1, -2), size).flip(-1, -2))


@pytest.mark.parametrize("size", [3, 4, 7, 999])
def test_laws(size: int):
    opened, closed = OPERATIONS["open"](X, size), OPERATIONS["close"](X, size)
    assert (opened <= X).all()
    assert (closed >= X).all()
    assert torch.equal(OPERATIONS["open"](opened, size), opened)
    assert torch.equal(OPERATIONS["close"](closed, size), closed)
    assert torch.equal(OPERATIONS["gradient"](X, size), dilate(X, size) - erode(X, size))
    assert torch.equal(OPERATIONS["top_hat"](X, size), X - opened)
    assert torch.equal(OPERATIONS["bottom_hat"](X, size), closed - X)
    assert X._version == 0


def test_a_dot_becomes_the_square():
    dot = torch.zeros(1, 1, 9, 9)
    dot[0, 0, 4, 4] = 1
    assert dilate(dot, 3).nonzero()[:, 2:].float().mean(0).tolist() == [4, 4]
    assert dilate(dot, 3).sum() == 9
    assert dilate(dot, 4).sum() == 16
