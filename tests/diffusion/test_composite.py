"""Pasting, against a loop over pixels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diffusion.composite import composite

WHERE = st.integers(-7, 9)


def pasted(destination: Tensor, source: Tensor, x: int, y: int, mask: Tensor | None) -> Tensor:
    """One pixel after the other."""
    result = destination.clone()
    for b in range(len(destination)):
        item = source[b % len(source)]
        for row in range(item.shape[1]):
            for column in range(item.shape[2]):
                to_row, to_column = y + row, x + column
                if 0 <= to_row < destination.shape[2] and 0 <= to_column < destination.shape[3]:
                    m = 1.0 if mask is None else mask[b % len(mask), row, column]
                    result[b, :, to_row, to_column] = (
                        m * item[:, row, column] + (1 - m) * destination[b, :, to_row, to_column]
                    )
    return result


@given(x=WHERE, y=WHERE, batches=st.tuples(*[st.integers(1, 3)] * 3), masked=st.booleans())
@settings(max_examples=60, deadline=None)
def test_it_is_the_loop_over_pixels(x: int, y: int, batches: tuple[int, int, int], masked: bool):
    draw = torch.Generator().manual_seed(1)
    destination = torch.rand(batches[0], 2, 6, 7, generator=draw)
    source = torch.rand(batches[1], 2, 4, 5, generator=draw)
    mask = torch.rand(batches[2], 4, 5, generator=draw) if masked else None
    torch.testing.assert_close(composite(destination, source, x, y, mask), pasted(destination, source, x, y, mask))
    assert destination._version == source._version == 0


@pytest.mark.parametrize("x", range(0, 24))
def test_latents_are_placed_by_eights(x: int):
    got = composite(torch.zeros(1, 4, 3, 3), torch.ones(1, 4, 1, 1), x, 0, scale=8)
    assert got[0, 0, 0].tolist() == [float(i == x // 8) for i in range(3)]


def test_the_source_may_be_stretched_and_the_mask_is_fitted_to_it():
    destination, source = torch.zeros(1, 1, 4, 6), torch.ones(1, 1, 2, 2)
    assert composite(destination, source, 0, 0, torch.ones(9, 3), resize_source=True).eq(1).all()
    assert composite(destination, source, 0, 0, torch.zeros(9, 3), resize_source=True).eq(0).all()


def test_channels_must_agree():
    with pytest.raises(ValueError, match="source has 3 channels and the destination 4"):
        composite(torch.zeros(1, 4, 2, 2), torch.zeros(1, 3, 2, 2), 0, 0)
