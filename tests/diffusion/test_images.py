"""Size, shape and batch of pictures."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from torch import Tensor

from diffusion import images


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(5))


SIDE = st.integers(1, 40)


@given(width=SIDE, height=SIDE, side=st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_a_zero_follows_from_the_other_side(width: int, height: int, side: int):
    image = torch.zeros(1, height, width, 3)
    assert images.scale(image, side, 0, "area").shape == (1, max(1, round(height * side / width)), side, 3)
    assert images.scale(image, 0, side, "area").shape == (1, side, max(1, round(width * side / height)), 3)
    assert images.scale(image, 0, 0, "area") is image


@given(width=SIDE, height=SIDE, size=st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_the_longer_side_becomes_the_size(width: int, height: int, size: int):
    _, new_height, new_width, _ = images.scale_longer_side(torch.zeros(1, height, width, 3), size, "area").shape
    assert max(new_height, new_width) == size
    assert abs(min(new_height, new_width) - max(1, size * min(width, height) / max(width, height))) <= 0.5


def test_megapixels():
    _, height, width, _ = images.scale_to_megapixels(torch.zeros(1, 30, 40, 3), 0.5, "area").shape
    assert abs(height * width - 512 * 1024) < (height + width) / 2
    assert abs(width / height - 4 / 3) < 0.01


@pytest.mark.parametrize(
    ("width", "height", "want"), [(64, 64, (1024, 1024)), (300, 100, (1568, 672)), (1, 99, (672, 1568))]
)
def test_kontext_takes_the_nearest_aspect(width: int, height: int, want: tuple[int, int]):
    _, h, w, _ = images.scale_for_kontext(torch.zeros(1, height, width, 3)).shape
    assert (w, h) == want
    assert all(0.85 < w * h / 1024**2 < 1.1 and w % 16 == h % 16 == 0 for w, h in images.KONTEXT_SIZES)


@given(width=SIDE, height=SIDE, to_width=SIDE, to_height=SIDE)
@settings(max_examples=50, deadline=None)
def test_fit_shows_the_whole_picture_in_the_middle(width: int, height: int, to_width: int, to_height: int):
    got = images.fit(torch.ones(1, height, width, 3), to_width, to_height, 0.0, "nearest-exact")
    assert got.shape == (1, to_height, to_width, 3)
    for axis, length in ((1, to_height), (2, to_width)):
        used = got[0, ..., 0].amax(2 - axis)
        before, inside = int(used.int().argmax()), int(used.sum())
        assert 0 <= length - before - inside - before <= 1


def test_padding_for_outpainting():
    image = noise(2, 12, 16, 3)
    padded, mask = images.pad_for_outpainting(image, 8, 0, 0, 16, 4)
    assert padded.shape == (2, 28, 24, 3)
    assert mask.shape == (1, 28, 24)
    assert torch.equal(padded[:, :12, 8:], image)
    assert padded[:, 12:].eq(0.5).all()
    assert mask[0, 12:].eq(1).all()
    assert mask[0, :, :8].eq(1).all()
    assert mask[0, 0, 8:13].tolist() == [1, 0.5625, 0.25, 0.0625, 0]  # ((4 - d) / 4)^2 from the left
    assert mask[0, 11, 20].item() == 0.5625  # the last row is one away from the bottom border
    assert mask[0, 0, 23].item() == 0  # no border on the right, none on top


def test_no_feathering_where_the_picture_is_too_small():
    mask = images.pad_for_outpainting(noise(1, 8, 16, 3), 8, 8, 8, 8, 4)[1]
    assert mask[0, 8:-8, 8:-8].eq(0).all()
    assert mask.sum() == mask.numel() - 8 * 16


def test_crop_pulls_the_corner_inside():
    image = noise(1, 5, 6, 3)
    assert torch.equal(images.crop(image, 2, 1, 3, 2), image[:, 1:3, 2:5])
    assert torch.equal(images.crop(image, 99, 99, 4, 4), image[:, 4:, 5:])
    with pytest.raises(ValueError, match=r"corner \(-1, 0\)"):
        images.crop(image, -1, 0, 2, 2)


@pytest.mark.parametrize(
    ("quarters", "turn"),
    [
        (1, Pillow.Transpose.ROTATE_270),
        (2, Pillow.Transpose.ROTATE_180),
        (3, Pillow.Transpose.ROTATE_90),
    ],
)  # Pillow turns counter-clockwise
def test_rotation_is_clockwise(quarters: int, turn: Pillow.Transpose):
    image = torch.arange(60).reshape(1, 4, 5, 3).float()
    picture = Pillow.fromarray(image[0].byte().numpy()).transpose(turn)
    assert picture.tobytes() == images.rotate(image, quarters)[0].byte().numpy().tobytes()
    assert torch.equal(images.rotate(images.rotate(image, quarters), 4 - quarters), image)


def test_flip():
    image = noise(1, 2, 3, 3)
    assert torch.equal(images.flip(image, "x")[0, 0], image[0, 1])
    assert torch.equal(images.flip(image, "y")[0, :, 0], image[0, :, 2])


def test_batches():
    image = noise(3, 2, 2, 3)
    assert torch.equal(images.batch(image, image[:1])[:3], image)
    assert images.batch(image, noise(1, 5, 9, 3)).shape == (4, 2, 2, 3)
    assert torch.equal(images.repeat(image, 2)[3:], image)
    assert torch.equal(images.from_batch(image, 1, 9), image[1:])
    assert torch.equal(images.from_batch(image, 9, 2), image[2:])
    with pytest.raises(ValueError, match="3 channels and image2 4"):
        images.batch(image, noise(1, 2, 2, 4))
    with pytest.raises(ValueError, match="batch_index -1"):
        images.from_batch(image, -1, 1)


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5), size=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_rebatching_keeps_every_picture_in_order(sizes: list[int], size: int):
    everything = noise(sum(sizes), 1, 1, 3)
    got = images.rebatch(everything.split(sizes), size)
    assert torch.equal(torch.cat(got), everything)
    assert [len(b) for b in got[:-1]] == [size] * (len(got) - 1)
    assert 1 <= len(got[-1]) <= size


def test_rebatching_needs_one_size():
    with pytest.raises(ValueError, match="2 x 2 with 3 channels, 5 x 2 with 3 channels"):
        images.rebatch([noise(1, 2, 2, 3), noise(1, 2, 5, 3)], 1)


def test_noise_is_the_seeds():
    grey = torch.full((1, 64, 64, 3), 0.5)
    assert torch.equal(images.add_noise(grey, 2**64 - 1, 0.1), images.add_noise(grey, 2**64 - 1, 0.1))
    assert not torch.equal(images.add_noise(grey, 1, 0.1), images.add_noise(grey, 2, 0.1))
    assert abs(images.add_noise(grey, 1, 0.1).std().item() - 0.1) < 0.003
    assert torch.equal(images.add_noise(grey, 1, 0.0), grey)
    assert 0 <= images.add_noise(grey, 1, 1.0).min() <= images.add_noise(grey, 1, 1.0).max() <= 1
