"""Error, PSNR, SSIM and LPIPS: against scikit-image, closed forms, and what is refused."""

import math
import sys
from typing import Any

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from diffusion import metrics

PICTURES = torch.rand(3, 40, 56, 3, generator=torch.Generator().manual_seed(1))
OTHERS = (PICTURES + 0.1 * torch.randn(PICTURES.shape, generator=torch.Generator().manual_seed(2))).clamp(0, 1)


def test_they_are_scikit_images():
    a, b = metrics.pair(PICTURES, OTHERS)
    for i in range(3):
        x, y = a[i].numpy(), b[i].numpy()
        similar: Any = structural_similarity(
            x, y, data_range=1.0, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert math.isclose(float(metrics.ssim(a, b)[i]), float(similar), abs_tol=1e-9)
        ratio: Any = peak_signal_noise_ratio(x, y, data_range=1.0)
        assert math.isclose(float(metrics.psnr(a, b)[i]), ratio, abs_tol=1e-9)


def test_closed_forms():
    a, b = metrics.pair(torch.zeros(1, 16, 16, 3), torch.full((1, 16, 16, 3), 0.1))
    assert math.isclose(float(metrics.squared_error(a, b)), 0.01, rel_tol=1e-6)
    assert math.isclose(float(metrics.psnr(a, b)), 20, rel_tol=1e-6)
    assert math.isclose(float(metrics.ssim(a, b)), 1e-4 / (0.01 + 1e-4), rel_tol=1e-6)
    assert metrics.ssim(a, a).tolist() == [1.0]
    assert metrics.psnr(a, a).tolist() == [math.inf]


def test_one_picture_is_compared_with_all():
    a, b = metrics.pair(PICTURES, OTHERS[:1])
    assert metrics.psnr(a, b).shape == (3,)
    assert metrics.psnr(a, b)[0] == metrics.psnr(*metrics.pair(PICTURES[:1], OTHERS[:1]))[0]


def test_channels():
    grey, alpha = PICTURES[..., :1], torch.cat((PICTURES, torch.zeros(3, 40, 56, 1)), -1)
    assert metrics.pair(grey, grey)[0].shape[-1] == 1
    assert metrics.pair(grey, PICTURES)[0].shape[-1] == 3
    assert metrics.pair(alpha, PICTURES)[0].shape[-1] == 3
    assert metrics.squared_error(*metrics.pair(alpha, PICTURES)).tolist() == [0, 0, 0]
    assert metrics.pair(alpha, alpha)[0].shape[-1] == 4


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ((0, 8, 8, 3), (1, 8, 8, 3), "image holds no picture"),
        ((1, 8, 8, 3), (1, 0, 8, 3), "other holds no picture"),
        ((1, 8, 9, 3), (1, 8, 8, 3), "image has 9 x 8 pixels and other 8 x 8; scale"),
        ((2, 8, 8, 3), (3, 8, 8, 3), "image holds 2 pictures and other 3"),
    ],
)
def test_what_cannot_be_compared_is_told(a: tuple[int, ...], b: tuple[int, ...], told: str):
    with pytest.raises(ValueError, match=told):
        metrics.pair(torch.zeros(a), torch.zeros(b))


def test_small_pictures_have_no_ssim():
    with pytest.raises(ValueError, match="needs pictures of 11 x 11 pixels, and these are 12 x 10"):
        metrics.ssim(*metrics.pair(torch.zeros(1, 10, 12, 3), torch.zeros(1, 10, 12, 3)))


def test_lpips_is_given_colours_in_its_range():
    def network(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        assert x.shape == y.shape == (3, 3, 40, 56)
        assert x.dtype == torch.float32
        return (x - y).abs().mean((1, 2, 3), keepdim=True)

    got = metrics.perceptual(*metrics.pair(PICTURES, OTHERS), network)
    torch.testing.assert_close(got, 2 * (PICTURES - OTHERS).abs().mean((1, 2, 3)).double(), atol=1e-6, rtol=1e-6)


def test_lpips_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(ValueError, match=r"pip install 'mezzotint\[lpips\]'"):
        metrics.lpips_network("alex")


def test_weights_of_lpips_that_are_missing_are_told(monkeypatch: pytest.MonkeyPatch):
    class Package:
        @staticmethod
        def LPIPS(net: str, verbose: bool) -> None:
            raise OSError("no network")

    monkeypatch.setitem(sys.modules, "lpips", Package)
    with pytest.raises(ValueError, match=r"weights of 'alex'.*checkpoints.*no network"):
        metrics.lpips_network("alex")


def test_the_report_has_a_row_for_each_and_their_mean():
    told = metrics.report({"PSNR": torch.tensor([20.0, math.inf]), "SSIM": torch.tensor([0.5, 1.0])})
    assert [line.split() for line in told.splitlines()] == [
        ["picture", "PSNR", "SSIM"],
        ["1", "20", "0.5"],
        ["2", "equal", "1"],
        ["mean", "equal", "0.75"],
    ]
    assert len(metrics.report({"PSNR": torch.tensor([20.0])}).splitlines()) == 2
