"""Laws of the sizes and places of latents."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffusion import latents


def latent(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(7))


def test_empty_latents_are_zeros_of_the_asked_shape():
    x = latents.empty(2, 16, 3, 4, 5)
    assert x.shape == (2, 16, 3, 4, 5)
    assert not x.any()


def test_an_empty_side_is_refused():
    with pytest.raises(ValueError, match="raise the width"):
        latents.empty(1, 4, 0, 8)


@given(st.integers(1, 500), st.sampled_from([4, 6, 8]))
def test_the_first_frame_stands_alone(length: int, step: int):
    groups = 1 + len(range(1, length, step))
    exact = groups if (length - 1) % step == 0 else groups - 1
    assert latents.frames(length, step) == exact


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(0, 0, (6, 9)), (0, 96, (12, 18)), (144, 0, (12, 18)), (8, 200, (25, 8)), (0, 8, (8, 12)), (100, 103, (12, 12))],
)
def test_scaled_sides(width: int, height: int, size: tuple[int, int]):
    assert latents.scale(latent(1, 4, 6, 9), width, height, "bilinear").shape[-2:] == size


def test_frames_are_scaled_one_by_one():
    x = latent(2, 4, 3, 6, 5)
    got = latents.scale_by(x, 1.5, "bicubic")
    assert got.shape == (2, 4, 3, 9, 8)
    assert torch.equal(got[:, :, 1], latents.scale_by(x[:, :, 1], 1.5, "bicubic"))


def test_a_factor_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="raise the factor"):
        latents.scale_by(latent(1, 4, 8, 8), 0.01, "area")


@given(st.integers(0, 200), st.integers(0, 200), st.integers(64, 200), st.integers(64, 200))
def test_a_crop_is_a_part_that_ends_at_the_border(left: int, top: int, width: int, height: int):
    x = torch.arange(11 * 13.0).view(1, 1, 11, 13)
    got = latents.crop(x, left, top, width, height)
    rows, columns = got.shape[-2:]
    assert 8 <= rows <= height // 8
    assert 8 <= columns <= width // 8
    first_row, first_column = divmod(int(got[0, 0, 0, 0]), 13)
    assert first_row == min(top // 8, 3)
    assert first_column == min(left // 8, 5)
    assert torch.equal(got, x[..., first_row : first_row + rows, first_column : first_column + columns])


def test_latents_smaller_than_a_crop_stay_whole():
    x = latent(1, 4, 3, 2)
    assert torch.equal(latents.crop(x, 64, 64, 64, 64), x)


@given(st.integers(-12, 12), st.integers(1, 12))
def test_a_cut_is_a_python_slice_of_a_clamped_index(index: int, amount: int):
    line = list(range(7))
    clamped = max(-7, min(index, 6))
    want = line[clamped:][:amount]
    got = latents.cut(torch.tensor(line).view(1, 1, 1, 7), -1, index, amount)
    assert got.flatten().tolist() == want


def test_four_quarters_are_none():
    x = latent(2, 4, 3, 5)
    turned = x
    for _ in range(4):
        turned = latents.rotate(turned, 1)
    assert torch.equal(turned, x)
    assert torch.equal(latents.rotate(x, 3), latents.rotate(latents.rotate(x, 2), 1))


def test_a_clockwise_quarter_puts_the_top_row_right():
    x = latent(1, 4, 3, 5)
    assert torch.equal(latents.rotate(x, 1)[..., -1], x[..., 0, :])


def test_half_a_turn_is_both_flips():
    x = latent(1, 4, 2, 3, 5)
    assert torch.equal(latents.rotate(x, 2), latents.flip(latents.flip(x, True), False))


# --- paste ---------------------------------------------------------------------------------------


def test_without_feather_the_source_replaces():
    x, source = latent(2, 4, 8, 8), torch.ones(1, 4, 3, 4)
    got = latents.paste(x, source, 16, 32, 0)
    assert torch.equal(got[..., 4:7, 2:6], source.expand(2, -1, -1, -1))
    got[..., 4:7, 2:6] = x[..., 4:7, 2:6]
    assert torch.equal(got, x)


def test_feather_fades_on_inner_sides_only():
    got = latents.paste(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 6, 8), 0, 0, 24)
    want = torch.tensor([1, 1, 1, 1, 2 / 3, 1 / 3, 0, 0])
    assert torch.allclose(got[0, 0], want[:, None].expand(8, 8))


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 100))
def test_a_paste_lies_between_both(x: int, y: int, feather: int):
    got = latents.paste(torch.zeros(1, 4, 8, 8), torch.ones(1, 4, 5, 6), x, y, feather)
    assert 0 <= got.min() <= got.max() <= 1
    assert not got[..., : y // 8, :].any()
    assert not got[..., : x // 8].any()
