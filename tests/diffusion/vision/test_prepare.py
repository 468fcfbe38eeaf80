"""Squares of pictures for vision networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion.vision.prepare import SIDE, padded, prepare, sharpened, square


def ramp(height: int, width: int) -> torch.Tensor:
    """Red grows to the right, green downwards."""
    rows, columns = torch.meshgrid(torch.arange(height) / 255, torch.arange(width) / 255, indexing="ij")
    return torch.stack((columns, rows, torch.zeros_like(rows)), -1)[None]


PLACES = {"left": (0, 0), "right": (40, 0), "top": (20, 0), "center": (20, 0)}


@pytest.mark.parametrize("position", PLACES)
def test_a_square_of_a_wide_picture(position: str):
    x, y = {"left": (0.0, 0.5), "right": (1.0, 0.5), "top": (0.5, 0.0), "center": (0.5, 0.5)}[position]
    found = square(ramp(20, 60), x, y)
    assert found.shape == (1, 20, 20, 3)
    assert tuple((found[0, 0, 0, :2] * 255).round().int().tolist()) == PLACES[position]


def test_a_square_of_a_high_picture():
    assert float(square(ramp(60, 20), 0.5, 1.0)[0, 0, 0, 1]) == pytest.approx(40 / 255)
    assert float(square(ramp(60, 20), 0.5, 0.0)[0, 0, 0, 1]) == 0


def test_all_of_a_picture_on_black():
    found = padded(torch.ones(2, 20, 61, 3))
    assert found.shape == (2, 61, 61, 3)
    assert found.sum() == 2 * 20 * 61 * 3
    assert found[:, 20:40].min() == 1


@pytest.mark.parametrize("method", ["LANCZOS", "BICUBIC", "HAMMING", "BILINEAR", "BOX", "NEAREST"])
def test_it_is_resized_as_pillow_does(method: str):
    pixels = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    want = np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling[method]))
    got = prepare(torch.from_numpy(pixels)[None] / 255, method, "center", 0.0)
    assert got.shape == (1, SIDE, SIDE, 3)
    assert np.array_equal((got[0] * 255).round().to(torch.uint8).numpy(), want)


def test_sharpening_makes_edges_steeper_and_leaves_the_flat_alone():
    flat = torch.full((1, 3, 8, 8), 0.4)
    assert torch.allclose(sharpened(flat, 1.0), flat)
    edge = torch.full((1, 1, 6, 8), 0.3)
    edge[..., 4:] = 0.6
    little, much = sharpened(edge, 0.0), sharpened(edge, 1.0)
    assert torch.allclose(much[..., :3], edge[..., :3])
    assert much[0, 0, 2, 3] < little[0, 0, 2, 3] < 0.3
    assert much[0, 0, 2, 4] > little[0, 0, 2, 4] > 0.6


def test_sharpening_is_its_formula():
    """At a pixel with sides 0.2, 0.4, 0.4, 0.4: room = sqrt(min(0.4, 2 - 1.0) / 1.0), in the middle of 0.5."""
    x = torch.full((1, 1, 3, 3), 0.4)
    x[0, 0, 1, 1], x[0, 0, 0, 1] = 0.5, 0.2
    weight = -((0.4 / 1.0) ** 0.5) / 5
    assert float(sharpened(x, 1.0)[0, 0, 1, 1]) == pytest.approx((1.4 * weight + 0.5) / (1 + 4 * weight), abs=1e-6)
    black_and_white = torch.tensor([[0.0, 1.0]] * 2)[None, None]
    assert torch.equal(sharpened(black_and_white, 1.0), black_and_white)  # there is no room
