"""Packed colours, luminance and colour differences."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from diffusion import colors

COLOR = st.integers(0, 0xFFFFFF)
X = torch.rand(2, 5, 6, 3, generator=torch.Generator().manual_seed(8))


@given(color=COLOR, other=COLOR)
@settings(max_examples=50, deadline=None)
def test_a_plain_picture_is_found_by_its_colour(color: int, other: int):
    image = colors.plain(3, 2, 2, color)
    assert image.shape == (2, 2, 3, 3)
    assert colors.mask_of(image, color).eq(1).all()
    assert colors.mask_of(image, other).eq(float(color == other)).all()


def test_colours_are_rounded_and_cut_to_bytes():
    image = torch.tensor([[1.2, 0.4999 / 255, -0.1], [1.0, 0.51 / 255, 0.0]]).view(1, 1, 2, 3)
    assert colors.mask_of(image, 0xFF0000).tolist() == [[[1.0, 0.0]]]


def test_yuv_there_and_back():
    torch.testing.assert_close(colors.from_yuv(*colors.to_yuv(X)), X)


def test_yuv_is_pillows_to_a_level():
    picture = Pillow.fromarray((X[0] * 255).byte().numpy()).convert("YCbCr")
    want = torch.tensor(list(picture.tobytes())).view(5, 6, 3) / 255
    for got, channel in zip(colors.to_yuv((X * 255).byte() / 255), want.unbind(-1), strict=True):
        assert (got[0, ..., 0] - channel).abs().max() < 2 / 255
        assert torch.equal(got[..., 0], got[..., 2])


def test_grey_has_no_colour():
    y, u, v = colors.to_yuv(torch.full((1, 2, 2, 3), 0.3))
    torch.testing.assert_close(y, torch.full_like(y, 0.3))
    torch.testing.assert_close(u, torch.full_like(u, 0.5))
    torch.testing.assert_close(v, torch.full_like(v, 0.5))


def test_a_colour_needs_three_channels():
    with pytest.raises(ValueError, match="1 channels"):
        colors.mask_of(X[..., :1], 0)
