"""Colours given to another picture: scikit-image's CIELAB and histograms, and the moments that each method gives."""

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab
from skimage.exposure import match_histograms

from diffusion.color_match import METHODS, covariance, from_lab, matched, mean_and_spread, to_lab

DRAWN = torch.Generator().manual_seed(3)
IMAGE = 0.2 + 0.3 * torch.rand(2, 30, 40, 3, generator=DRAWN)
REFERENCE = 0.4 + torch.tensor([0.3, 0.1, 0.2]) * torch.rand(1, 24, 24, 3, generator=DRAWN)


def colors(picture: torch.Tensor) -> torch.Tensor:
    return picture.double().flatten(0, 1)


def test_cielab_is_scikit_images():
    every = torch.rand(500, 3, dtype=torch.float64, generator=DRAWN)
    np.testing.assert_allclose(to_lab(every).numpy(), rgb2lab(every.numpy()), atol=1e-3)
    np.testing.assert_allclose(from_lab(to_lab(every)).numpy(), every.numpy(), atol=1e-9)
    lab = to_lab(every)
    np.testing.assert_allclose(from_lab(lab).numpy(), lab2rgb(lab.numpy()), atol=1e-4)


def test_the_mean_and_the_spread_are_the_references():
    got, wanted = (to_lab(c) for c in (mean_and_spread(colors(IMAGE[0]), colors(REFERENCE[0])), colors(REFERENCE[0])))
    torch.testing.assert_close(got.mean(0), wanted.mean(0), atol=0.3, rtol=0)
    torch.testing.assert_close(got.std(0), wanted.std(0), atol=0.3, rtol=0)


def test_the_covariance_is_the_references():
    got, wanted = covariance(colors(IMAGE[0]), colors(REFERENCE[0])), colors(REFERENCE[0])
    torch.testing.assert_close(got.mean(0), wanted.mean(0))
    torch.testing.assert_close(torch.cov(got.T, correction=0), torch.cov(wanted.T, correction=0), atol=1e-6, rtol=1e-3)


def test_the_histogram_is_scikit_images():
    got = matched(IMAGE, REFERENCE, "histogram", 1.0)
    for one, source in zip(got, IMAGE, strict=True):
        wanted = match_histograms(source.double().numpy(), REFERENCE[0].double().numpy(), channel_axis=-1)
        np.testing.assert_allclose(one.numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_laws_of_every_method(method: str):
    torch.testing.assert_close(matched(IMAGE, REFERENCE, method, 0.0), IMAGE)
    itself = matched(IMAGE[:1], IMAGE[:1], method, 1.0)
    torch.testing.assert_close(itself, IMAGE[:1], atol=2e-3, rtol=0)
    got = matched(IMAGE, REFERENCE, method, 1.0)
    assert got.shape == IMAGE.shape
    assert 0 <= got.min() <= got.max() <= 1
    torch.testing.assert_close(got.mean((0, 1, 2)), REFERENCE.mean((0, 1, 2)), atol=0.01, rtol=0)
    half = matched(IMAGE, REFERENCE, method, 0.5)
    torch.testing.assert_close(half, (IMAGE + got) / 2)
    alpha = torch.cat((IMAGE, torch.rand(2, 30, 40, 1)), -1)
    assert matched(alpha, REFERENCE, method, 1.0)[..., 3:].equal(alpha[..., 3:])
    plain = torch.full((1, 4, 4, 3), 0.5)
    for one, of in ((plain, REFERENCE), (IMAGE, plain), (plain, plain)):
        assert matched(one, of, method, 1.0).isfinite().all()


def test_each_may_have_a_reference_of_its_own():
    two = torch.cat((REFERENCE, REFERENCE.flip(-1)))
    got = matched(IMAGE, two, "covariance", 1.0)
    torch.testing.assert_close(got[1], matched(IMAGE[1:], two[1:], "covariance", 1.0)[0])
    with pytest.raises(ValueError, match="reference holds 3 pictures for 2"):
        matched(IMAGE, REFERENCE.repeat(3, 1, 1, 1), "covariance", 1.0)


@pytest.mark.parametrize(("image", "reference", "name"), [(0, 1, "image"), (1, 0, "reference")])
def test_empty_batches_are_told(image: int, reference: int, name: str):
    with pytest.raises(ValueError, match=f"{name} holds no picture"):
        matched(torch.zeros(image, 4, 4, 3), torch.zeros(reference, 4, 4, 3), "histogram", 1.0)
