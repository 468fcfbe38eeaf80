"""Buckets have the area, the multiples and the aspects that they promise, and pictures the nearest one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import DataError, assign, shapes

SIZES = st.one_of(
    st.integers(1, 31).map(lambda n: (n * 8, None)),
    st.integers(4, 32).map(lambda n: (n * 64, None)),
    st.tuples(st.integers(1, 40), st.sampled_from([1, 4, 16, 32])).map(lambda p: (p[0] * p[1], p[1])),
)


@given(SIZES)
def test_shapes_keep_to_their_limits(choice: tuple[int, int | None]):
    size, multiple = choice
    step = multiple or (64 if size >= 256 else 8)
    found = shapes(size, multiple)
    assert (size, size) in found
    assert set(found) == {(h, w) for w, h in found}
    for w, h in found:
        assert w % step == h % step == 0
        assert w * h <= size * size
        assert max(w, h) <= 2 * min(w, h)
        assert (min(w, h) + step) * max(w, h) > size * size  # no wider one would do


def test_the_usual_buckets_of_512():
    assert shapes(512) == ((384, 640), (448, 576), (512, 512), (576, 448), (640, 384))


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 5000))), SIZES)
def test_each_picture_has_the_nearest_shape(pictures: list[tuple[int, int]], choice: tuple[int, int | None]):
    def far(a: tuple[int, int], b: tuple[int, int]) -> float:
        return abs(math.log(a[0] * b[1] / (a[1] * b[0])))

    choices = shapes(*choice)
    found = assign(pictures, *choice)
    assert len(found) == len(pictures)
    for one, shape in zip(pictures, found, strict=True):
        assert shape in choices
        assert far(one, shape) <= min(far(one, other) for other in choices) + 1e-9


def test_turned_pictures_have_turned_shapes():
    wide = assign([(300, 200), (1000, 100), (100, 100)], 512)
    tall = assign([(200, 300), (100, 1000), (100, 100)], 512)
    assert [(h, w) for w, h in tall] == wide == [(640, 384), (640, 384), (512, 512)]


def test_one_shape_may_be_for_all():
    assert assign([(300, 200), (1, 9)], 128, one=True) == [(128, 128)] * 2


@pytest.mark.parametrize("one", [True, False])
@pytest.mark.parametrize(("size", "multiple"), [(500, None), (100, None), (0, None), (64, 0), (-64, None)])
def test_a_size_that_is_no_multiple_is_an_error(size: int, multiple: int | None, one: bool):
    with pytest.raises(DataError, match="choose"):
        assign([(9, 9)], size, multiple, one)


def test_a_picture_without_pixels_has_no_shape():
    with pytest.raises(DataError, match="no shape"):
        assign([(0, 9)], 64)
