"""Edges of shapes whose edges are known."""

import pytest
import torch
from torch import Tensor

from diffusion.canny import edges


def picture(shape: Tensor) -> Tensor:
    return shape.float()[None, ..., None].repeat(1, 1, 1, 3)


ROWS, COLUMNS = torch.meshgrid(torch.arange(40.0), torch.arange(50.0), indexing="ij")
RADIUS = torch.hypot(ROWS - 20, COLUMNS - 25)


def test_a_flat_picture_has_no_edge():
    assert edges(torch.full((1, 9, 9, 3), 0.7), 0.01, 0.02).sum() == 0


@pytest.mark.parametrize("turned", [False, True])
def test_a_step_is_one_line(turned: bool):
    ramp = COLUMNS.clamp(24, 26) - 24  # 0, 1/2, 1: the steepest pixel is unique
    image = picture((ramp / 2).T if turned else ramp / 2)
    image = image.transpose(1, 2) if turned else image
    found = edges(image, 0.2, 0.4)[0]
    assert found.sum(1).eq(1).all()
    assert found[:, 25].eq(1).all()


def test_a_disc_gives_a_thin_closed_ring():
    found = edges(picture((12 - RADIUS).clamp(-1, 1) / 2 + 0.5), 0.3, 0.6)[0].bool()
    assert (RADIUS[found] - 12).abs().max() < 1.5
    assert 50 < found.sum() < 100  # of 2 pi 12 = 75
    around = torch.nn.functional.max_pool2d(found[None, None].float(), 3, 1, 1)[0, 0]
    assert (RADIUS[~around.bool()] - 12).abs().min() > 0.5  # no gap


def test_weak_edges_stay_where_they_touch_strong_ones():
    fading = picture((COLUMNS > 25) * (ROWS + 1) / 40)  # an edge that gets stronger downwards
    both = edges(fading, 0.1, 2.0)[0]
    assert both.sum() > edges(fading, 2.0, 2.0)[0].sum() > 0
    assert edges(fading[:, :10], 0.1, 2.0).sum() == 0  # its weak part alone


def test_a_turned_picture_has_turned_edges():
    image = torch.rand(2, 20, 24, 3, generator=torch.Generator().manual_seed(0))
    found = edges(image, 0.3, 0.6)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(edges(image.flip(2), 0.3, 0.6), found.flip(2))
    assert torch.equal(edges(image[1:], 0.3, 0.6), found[1:])


def test_what_cannot_be_done_is_said():
    with pytest.raises(ValueError, match=r"low_threshold 0.5 is above high_threshold 0.4"):
        edges(torch.rand(1, 9, 9, 3), 0.5, 0.4)
    with pytest.raises(ValueError, match="at least 3 x 3 pixels, not 9 x 2"):
        edges(torch.rand(1, 2, 9, 3), 0.1, 0.4)
