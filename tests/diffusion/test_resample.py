"""Resizing, against brute force, Pillow and closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from torch import Tensor

from diffusion.resample import METHODS, center_crop, repeat_to_batch, resize, slerp

SIDE = st.integers(1, 12)
SMOOTH = ("bilinear", "area", "bicubic", "bislerp")


def noise(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(7))


@given(old=SIDE, new=SIDE)
@settings(max_examples=60, deadline=None)
def test_nearest_takes_the_sample_under_the_centre(old: int, new: int):
    ramp = torch.arange(float(old)).repeat(1, 1, 3, 1)
    want = [math.floor((i + 0.5) * old / new) for i in range(new)]
    assert resize(ramp, new, 3, "nearest-exact")[0, 0, 0].tolist() == want


@given(old=SIDE, new=SIDE)
@settings(max_examples=60, deadline=None)
def test_area_averages_bins_that_cover_the_source(old: int, new: int):
    values = noise(1, 1, 1, old)
    bins = [(i * old // new, -(-(i + 1) * old // new)) for i in range(new)]
    want = torch.stack([values[0, 0, 0, a:b].mean() for a, b in bins])
    torch.testing.assert_close(resize(values, new, 1, "area")[0, 0, 0], want)


@given(old=st.integers(2, 12), new=SIDE)
@settings(max_examples=60, deadline=None)
def test_bilinear_is_exact_on_a_ramp_and_clamped_at_its_ends(old: int, new: int):
    ramp = torch.arange(float(old)).repeat(1, 1, 2, 1)
    centres = (torch.arange(new) + 0.5) * old / new - 0.5
    torch.testing.assert_close(resize(ramp, new, 2, "bilinear")[0, 0, 0], centres.clamp(0, old - 1))


def keys(t: float, a: float = -0.75) -> float:
    """Keys 1981, the cubic convolution kernel."""
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


@given(old=SIDE, new=SIDE)
@settings(max_examples=60, deadline=None)
def test_bicubic_is_keys_kernel_with_the_edge_repeated(old: int, new: int):
    values = noise(1, 1, 1, old)[0, 0, 0].tolist()
    want: list[float] = []
    for i in range(new):
        centre = (i + 0.5) * old / new - 0.5
        taps = range(math.floor(centre) - 1, math.floor(centre) + 3)
        want.append(sum(values[min(max(t, 0), old - 1)] * keys(centre - t) for t in taps))
    got = resize(noise(1, 1, 1, old), new, 1, "bicubic")[0, 0, 0]
    torch.testing.assert_close(got, torch.tensor(want), atol=1e-5, rtol=1e-5)


@given(width=SIDE, height=SIDE, channels=st.sampled_from([3, 4]))
@settings(max_examples=40, deadline=None)
def test_lanczos_is_pillows(width: int, height: int, channels: int):
    x = noise(2, channels, 7, 9)
    got = resize(x, width, height, "lanczos")
    for item, source in zip(got, x, strict=True):
        array = (source.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        want = np.asarray(Pillow.fromarray(array).resize((width, height), Pillow.Resampling.LANCZOS))
        np.testing.assert_array_equal((item.permute(1, 2, 0) * 255).round().numpy(), want)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_lanczos_needs_colours(channels: int):
    with pytest.raises(ValueError, match=f"3 or 4 channels, not {channels}"):
        resize(noise(1, channels, 4, 4), 2, 2, "lanczos")


@pytest.mark.parametrize("method", SMOOTH)
def test_the_same_size_changes_nothing(method: str):
    x = noise(2, 4, 5, 6) + 0.1
    torch.testing.assert_close(resize(x, 6, 5, method), x, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_one_value_stays_one_value(method: str):
    x = torch.full((1, 3, 5, 8), 0.4)
    torch.testing.assert_close(resize(x, 11, 3, method), torch.full((1, 3, 3, 11), 0.4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", METHODS)
def test_items_of_a_batch_do_not_mix(method: str):
    x = noise(3, 4, 6, 5)
    together = resize(x, 9, 4, method)
    apart = torch.cat([resize(i[None], 9, 4, method) for i in x])
    torch.testing.assert_close(together, apart, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_frames_are_resized_one_by_one(method: str):
    video = noise(2, 4, 3, 6, 5)  # b c t h w
    got = resize(video, 7, 8, method, "center")
    assert got.shape == (2, 4, 3, 8, 7)
    for t in range(3):
        torch.testing.assert_close(got[:, :, t], resize(video[:, :, t], 7, 8, method, "center"))


@given(width=st.integers(1, 40), height=st.integers(1, 40), to_width=st.integers(1, 40), to_height=st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_center_crop_cuts_both_ends_of_one_axis_alike(width: int, height: int, to_width: int, to_height: int):
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x = torch.stack((rows, columns))
    got = center_crop(x, to_width / to_height)
    assert got.numel()
    assert got.shape[1] == height or got.shape[2] == width
    for axis, length in ((0, height), (1, width)):
        assert got[axis].min() == length - 1 - got[axis].max()
    exact = min(width, height * to_width / to_height), min(height, width * to_height / to_width)
    assert abs(got.shape[2] - max(1, exact[0])) <= 1
    assert abs(got.shape[1] - max(1, exact[1])) <= 1


def test_slerp_walks_the_arc():
    a, b = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1), torch.tensor([0.0, 3.0]).view(1, 2, 1, 1)
    ratio = torch.linspace(0, 1, 9)
    got = slerp(a, b, ratio)  # 1 2 1 9
    angle, length = ratio * math.pi / 2, 1 + 2 * ratio
    torch.testing.assert_close(got[0, :, 0], torch.stack((length * angle.cos(), length * angle.sin())))


def test_slerp_where_there_is_no_arc():
    a = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)
    half = torch.tensor(0.5)
    assert torch.equal(slerp(a, 4 * a, half), a)
    torch.testing.assert_close(slerp(a, -a, half), torch.zeros_like(a))
    assert torch.equal(slerp(0 * a, 0 * a, half), 0 * a)


def test_bislerp_keeps_the_length_of_vectors_of_one_length():
    x = torch.nn.functional.normalize(noise(1, 4, 6, 7) - 0.5, dim=1)
    lengths = resize(x, 15, 4, "bislerp").norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_no_input_is_changed():
    x = noise(1, 3, 4, 4)
    for method in METHODS:
        resize(x, 3, 9, method, "center")
    assert x._version == 0


def test_repeat_to_batch_tiles_the_whole_batch():
    x = torch.arange(3.0)[:, None]
    assert repeat_to_batch(x, 7)[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert repeat_to_batch(x, 2)[:, 0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("width", "height", "method", "crop", "said"),
    [
        (0, 4, "area", "disabled", "0 x 4 pixels"),
        (4, -1, "area", "disabled", "at least 1"),
        (4, 4, "cubic", "disabled", "unknown resize method 'cubic'"),
        (4, 4, "area", "middle", "unknown crop 'middle'"),
    ],
)
def test_what_cannot_be_done_is_said(width: int, height: int, method: str, crop: str, said: str):
    with pytest.raises(ValueError, match=said):
        resize(noise(1, 3, 4, 4), width, height, method, crop)


def test_an_empty_picture_is_refused():
    with pytest.raises(ValueError, match="empty"):
        resize(torch.zeros(0, 3, 4, 4), 2, 2, "area")
    with pytest.raises(ValueError, match="empty batch"):
        repeat_to_batch(torch.zeros(0, 3), 2)
