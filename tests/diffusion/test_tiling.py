"""Tiles: what is local is coded as if at once, whatever the tiles are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from diffusion.tiling import code_tiled


def enlarge(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=8) ** 2


def shrink(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 8) ** 2


SIZES = st.tuples(st.integers(1, 24), st.integers(1, 24))


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(2, 6).map(lambda n: 2 * n), st.integers(2, 6).map(lambda n: 2 * n), st.data())
def test_tiles_of_a_local_decoder_leave_no_trace(size: tuple[int, int], height: int, width: int, data: st.DataObject):
    overlap = data.draw(st.integers(0, min(height, width) // 2 - 1))
    x = torch.rand(2, 3, *size)
    torch.testing.assert_close(code_tiled(x, enlarge, height, width, overlap, 8), enlarge(x))


@settings(max_examples=30, deadline=None)
@given(SIZES, st.integers(1, 3).map(lambda n: 32 * n), st.sampled_from([0, 8]))
def test_tiles_of_a_local_encoder_leave_no_trace(size: tuple[int, int], tile: int, overlap: int):
    x = torch.rand(1, 3, size[0] * 8, size[1] * 8)
    torch.testing.assert_close(code_tiled(x, shrink, tile, tile, overlap, 1 / 8), shrink(x))


def test_tiles_have_the_three_shapes():
    seen: set[tuple[int, ...]] = set()

    def code(x: Tensor) -> Tensor:
        seen.add(tuple(x.shape))
        return x

    code_tiled(torch.zeros(2, 1, 64, 64), code, 16, 8, 0, 1)
    assert seen == {(1, 1, 16, 8), (1, 1, 32, 4), (1, 1, 8, 16)}


def test_what_fits_in_one_tile_is_coded_at_once():
    calls: list[Tensor] = []

    def code(x: Tensor) -> Tensor:
        calls.append(x)
        return x

    code_tiled(torch.zeros(1, 1, 4, 4), code, 8, 8, 2, 1)
    assert [tuple(x.shape) for x in calls] == [(1, 1, 4, 4)] * 3


def test_seams_fade():
    """Where two tiles differ by one, the result goes from one to the other without a step."""
    starts = iter(range(100))

    def code(x: Tensor) -> Tensor:
        return torch.full_like(x, next(starts) % 2)

    row = code_tiled(torch.zeros(1, 1, 1, 28), code, 16, 16, 4, 1)[0, 0, 0]
    assert float(row.diff().abs().max()) <= 0.5


@pytest.mark.parametrize(("tile", "overlap"), [(8, 4), (8, 9), (8, -1)])
def test_an_overlap_that_leaves_nothing_is_told(tile: int, overlap: int):
    with pytest.raises(ValueError, match="less than half a tile"):
        code_tiled(torch.zeros(1, 1, 20, 20), enlarge, tile, tile, overlap, 8)
