"""Blur and sharpen, against scipy."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from diffusion.filters import blur, gaussian, sharpen

X = torch.rand(2, 3, 12, 15, generator=torch.Generator().manual_seed(4))


def kernel(radius: int, sigma: float) -> np.ndarray:
    """The two-dimensional bell curve over -1..1."""
    line = np.linspace(-1, 1, 2 * radius + 1)
    square = np.exp(-(line[:, None] ** 2 + line**2) / (2 * sigma**2))
    return square / square.sum()


@pytest.mark.parametrize(("radius", "sigma"), [(1, 0.1), (1, 10.0), (2, 1.5), (5, 0.7), (11, 2.0)])
def test_blur_is_the_correlation_with_a_mirrored_border(radius: int, sigma: float):
    want = ndimage.correlate(X.numpy().astype(float), kernel(radius, sigma)[None, None], mode="mirror")
    torch.testing.assert_close(blur(X, radius, sigma), torch.from_numpy(want).float(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("radius", "sigma", "amount"), [(1, 1.0, 1.0), (4, 2.5, 0.3), (3, 0.5, 5.0)])
def test_sharpen_is_one_kernel_that_sums_to_one(radius: int, sigma: float, amount: float):
    weights = -10 * amount * kernel(radius, sigma)
    weights[radius, radius] += 1 - weights.sum()
    want = ndimage.correlate(X.numpy().astype(float), weights[None, None], mode="mirror")
    torch.testing.assert_close(sharpen(X, radius, sigma, amount), torch.from_numpy(want).float(), atol=1e-5, rtol=1e-5)


def test_what_is_flat_stays_flat():
    flat = torch.full((1, 1, 9, 9), 0.3)
    torch.testing.assert_close(blur(flat, 3, 1.0), flat)
    torch.testing.assert_close(sharpen(flat, 3, 1.0, 5.0), flat, atol=1e-5, rtol=0)


def test_weights_sum_to_one():
    for radius in (1, 5, 31):
        assert gaussian(radius, 0.1).sum().item() == pytest.approx(1)


def test_the_radius_must_be_smaller_than_the_picture():
    assert blur(X, 11, 1.0).shape == X.shape
    with pytest.raises(ValueError, match=r"radius of 12 .* not 15 x 12"):
        blur(X, 12, 1.0)
    with pytest.raises(ValueError, match="empty"):
        blur(X[:0], 1, 1.0)
