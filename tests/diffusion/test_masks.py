"""Masks, against scipy and by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from diffusion import masks

X = torch.rand(2, 7, 9, generator=torch.Generator().manual_seed(1))
CROSS, SQUARE = ndimage.generate_binary_structure(2, 1), np.ones((3, 3), bool)


@given(expand=st.integers(-12, 12), tapered=st.booleans())
@settings(max_examples=50, deadline=None)
def test_growing_is_rounds_of_grey_dilation(expand: int, tapered: bool):
    step = ndimage.grey_dilation if expand > 0 else ndimage.grey_erosion
    want = X.numpy()
    for _ in range(abs(expand)):
        want = np.stack([step(m, footprint=CROSS if tapered else SQUARE) for m in want])
    assert torch.equal(masks.grow(X, expand, tapered), torch.from_numpy(want))
    assert X._version == 0


@pytest.mark.parametrize("tapered", [True, False])
def test_growing_without_end_fills_the_mask(tapered: bool):
    assert masks.grow(X, 16384, tapered).eq(X.amax((1, 2), keepdim=True)).all()
    assert masks.grow(X, -16384, tapered).eq(X.amin((1, 2), keepdim=True)).all()


def test_feathering():
    one = torch.ones(1, 1, 8)
    assert masks.feather(one, 4, 0, 0, 0)[0, 0].tolist() == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert masks.feather(one, 0, 0, 4, 0)[0, 0].tolist() == [0.25, 1, 1, 1, 1, 1, 0.75, 0.5]
    assert masks.feather(one, 0, 9, 0, 0).eq(1).all()  # a ramp as long as the one row
    assert torch.equal(masks.feather(X, 0, 0, 0, 0), X)


def test_feathering_of_both_axes_is_a_product():
    one = torch.ones(1, 7, 9)
    both = masks.feather(one, 3, 2, 4, 5)
    torch.testing.assert_close(both, masks.feather(one, 3, 0, 4, 0) * masks.feather(one, 0, 2, 0, 5))
    torch.testing.assert_close(masks.feather(X, 3, 2, 4, 5), X * both)


OPERATIONS = {
    "multiply": lambda a, b: a * b,
    "add": lambda a, b: min(a + b, 1),
    "subtract": lambda a, b: max(a - b, 0),
    "and": lambda a, b: float(round(a) and round(b)),
    "or": lambda a, b: float(round(a) or round(b)),
    "xor": lambda a, b: float(round(a) != round(b)),
}


@given(operation=st.sampled_from(list(OPERATIONS)), x=st.integers(-6, 10), y=st.integers(-6, 10))
@settings(max_examples=60, deadline=None)
def test_combining_is_the_loop_over_pixels(operation: str, x: int, y: int):
    source = torch.rand(1, 4, 5, generator=torch.Generator().manual_seed(2))
    want = X.clone()
    for b, i, j in np.ndindex(2, 4, 5):
        if 0 <= i + y < 7 and 0 <= j + x < 9:
            want[b, i + y, j + x] = OPERATIONS[operation](X[b, i + y, j + x].item(), source[0, i, j].item())
    torch.testing.assert_close(masks.combine(X, source, x, y, operation), want)
    assert X._version == 0


def test_batches_must_agree():
    with pytest.raises(ValueError, match="source holds 3 masks and the destination 2"):
        masks.combine(X, torch.ones(3, 2, 2), 0, 0, "add")


def test_threshold_is_strict():
    assert masks.threshold(torch.tensor([[0.4, 0.5, 0.6]]), 0.5).tolist() == [[0.0, 0.0, 1.0]]


def test_a_mask_without_a_batch_gets_one():
    flat = X[0]
    assert torch.equal(masks.to_image(flat)[..., 1], X[:1])
    assert torch.equal(masks.crop(flat, 2, 1, 3, 2), X[:1, 1:3, 2:5])
    assert masks.grow(flat, 1, True).shape == (1, 7, 9)
    assert masks.solid(0.5, 3, 2).shape == (1, 2, 3)


def test_a_crop_must_touch_the_mask():
    assert masks.crop(X, 8, 6, 9, 9).shape == (2, 1, 1)
    with pytest.raises(ValueError, match=r"\(9, 0\) lies outside the mask of 9 x 7"):
        masks.crop(X, 9, 0, 1, 1)


def test_channels():
    image = torch.rand(1, 2, 3, 4)
    for i, channel in enumerate(masks.CHANNELS):
        assert torch.equal(masks.from_image(image, channel), image[..., i])
    with pytest.raises(ValueError, match="3 channels, so no alpha"):
        masks.from_image(image[..., :3], "alpha")
