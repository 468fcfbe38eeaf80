"""Reducing colours."""

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from diffusion.quantize import bayer, quantize

X = torch.rand(2, 16, 20, 3, generator=torch.Generator().manual_seed(9))
DITHERS = ("none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16")


@pytest.mark.parametrize("dither", DITHERS)
@pytest.mark.parametrize("colors", [1, 2, 7, 256])
def test_at_most_so_many_colours(dither: str, colors: int):
    got = quantize(X, colors, dither)
    assert got.shape == X.shape
    for item in got:
        assert len(item.reshape(-1, 3).unique(dim=0)) <= colors
    assert torch.equal((got * 255).round() / 255, got)


def test_a_picture_of_few_colours_stays_as_it_is():
    few = torch.tensor([[0.0, 0.2, 1.0], [1.0, 0.4, 0.6]])[torch.arange(64).reshape(1, 8, 8) % 2]
    torch.testing.assert_close(quantize(few, 2, "none"), few)


def test_pillow_decides_what_is_not_ordered():
    picture = Pillow.fromarray((X[0].numpy() * 255).astype(np.uint8))
    want = picture.quantize(6, palette=picture.quantize(6), dither=Pillow.Dither.FLOYDSTEINBERG).convert("RGB")
    np.testing.assert_array_equal((quantize(X, 6, "floyd-steinberg")[0] * 255).round().numpy(), np.asarray(want))


@pytest.mark.parametrize("order", [2, 4, 8, 16])
def test_the_matrix_holds_each_level_once(order: int):
    levels = np.sort(bayer(order).ravel()) * order**2
    np.testing.assert_allclose(np.diff(levels), 1)
    half = bayer(order // 2) if order > 2 else np.zeros((1, 1))
    blocks = bayer(order).reshape(2, order // 2, 2, order // 2).mean((0, 2))
    np.testing.assert_allclose(blocks - blocks.mean(), half - half.mean(), atol=1e-12)


def test_it_needs_three_channels():
    with pytest.raises(ValueError, match="3 channels, not 4"):
        quantize(torch.rand(1, 4, 4, 4), 4, "none")
    with pytest.raises(ValueError, match="empty"):
        quantize(torch.rand(0, 4, 4, 3), 4, "none")
