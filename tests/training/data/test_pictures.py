"""Pictures of every kind come upright, opaque, in 8 bits, and cut where the cut says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.training.data.making import noise
from training.data import Cut, DataError, Example, enlarged, picture
from training.data.pictures import mirrored, read

GREEN = (0, 255, 0)


def cut(path: Path, size: tuple[int, int], seed: int | None = None, **how: Any) -> Cut:
    random = None if seed is None else torch.Generator().manual_seed(seed)
    return picture(Example(path, ()), size, random=random, **how)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """48 x 16."""
    Image.fromarray(noise((48, 16))).save(tmp_path / "wide.png")
    return tmp_path / "wide.png"


def test_the_middle_is_cut_without_a_change_of_pixels(wide: Path):
    found = cut(wide, (16, 16))
    assert found.pixels.dtype == np.uint8
    assert np.array_equal(found.pixels, noise((48, 16))[:, 16:32])
    assert (found.original, found.crop, found.flipped, found.enlarged) == ((48, 16), (16, 0), False, 1.0)


@given(st.integers(0, 10_000))
def test_a_random_cut_is_where_it_says(tmp_path_factory: pytest.TempPathFactory, seed: int):
    path = tmp_path_factory.getbasetemp() / "wide.png"
    whole = noise((48, 16))
    if not path.exists():
        Image.fromarray(whole).save(path)
    found = cut(path, (16, 16), seed, crop="random", flip=True)
    left, top = found.crop
    seen = whole[:, ::-1] if found.flipped else whole
    assert np.array_equal(found.pixels, seen[top : top + 16, left : left + 16])


def test_a_mirrored_cut_is_where_it_says(wide: Path):
    found = mirrored(cut(wide, (15, 16), 5, crop="random"))
    left, top = found.crop
    whole = noise((48, 16))[:, ::-1]
    assert found.flipped
    assert np.array_equal(found.pixels, whole[top : top + 16, left : left + 15])
    assert left + found.pixels.shape[1] + mirrored(found).crop[0] == 48


def test_every_place_and_both_ways_round_are_drawn(wide: Path):
    random = torch.Generator().manual_seed(0)
    cuts = [picture(Example(wide, ()), (44, 16), crop="random", flip=True, random=random) for _ in range(200)]
    assert {found.crop for found in cuts} == {(left, 0) for left in range(5)}
    assert 60 < sum(found.flipped for found in cuts) < 140


def test_one_choice_does_not_change_another(wide: Path):
    plain, flipped = (cut(wide, (16, 16), 3, crop="random", flip=flip) for flip in (False, True))
    assert plain.crop == flipped.crop
    random = torch.Generator().manual_seed(3)
    picture(Example(wide, ()), (16, 16), random=random)
    after = torch.Generator().manual_seed(3)
    torch.rand(3, generator=after, dtype=torch.float64)
    assert torch.equal(random.get_state(), after.get_state())


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 60), st.integers(1, 60), st.booleans())
def test_any_picture_covers_any_bucket(
    tmp_path_factory: pytest.TempPathFactory, w: int, h: int, width: int, height: int, random: bool
):
    path = tmp_path_factory.getbasetemp() / f"any_{w}_{h}.png"
    Image.new("RGB", (w, h), (9, 99, 199)).save(path)
    found = cut(path, (width, height), 1, crop="random" if random else "centre")
    assert found.pixels.shape == (height, width, 3)
    assert np.all(found.pixels == (9, 99, 199))
    assert (found.enlarged > 1) == (w < width or h < height)


def test_scaling_is_pillows_lanczos(wide: Path):
    expected = ImageOps.fit(Image.open(wide), (8, 8), Image.Resampling.LANCZOS)
    difference = np.abs(cut(wide, (8, 8)).pixels.astype(int) - np.asarray(expected).astype(int))
    assert difference.mean() < 1  # it scales by boxes of whole pixels only


def test_small_pictures_are_told(wide: Path):
    assert cut(wide, (16, 32)).enlarged == 2
    small, large = Example(Path("a.png"), (), size=(48, 16)), Example(Path("b.png"), (), size=(48, 32))
    (sentence,) = enlarged([small, large], [(16, 32), (16, 32)])
    assert sentence.startswith("a.png is 48 x 16, smaller than 16 x 32")


# --- kinds of files ------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_they_say(tmp_path: Path, orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(noise((12, 8))).save(tmp_path / "a.png", exif=exif)
    turns = {
        2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x.transpose(1, 0, 2), 2), 8: np.rot90,
    }  # fmt: skip
    expected = turns.get(orientation, lambda x: x)(noise((12, 8)))
    assert np.array_equal(np.asarray(read(tmp_path / "a.png")), expected)


def test_what_is_transparent_shows_the_background(tmp_path: Path):
    pixels = noise((16, 16), channels=4)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = cut(tmp_path / "a.png", (16, 16), background=GREEN).pixels
    alpha = pixels[..., 3:] / 255
    expected = pixels[..., :3] * alpha + np.array(GREEN) * (1 - alpha)
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("mode", ["LA", "P", "PA", "L"])
def test_other_kinds_of_transparency(tmp_path: Path, mode: str):
    image = Image.new("RGBA", (8, 8), (90, 90, 90, 255))
    image.paste((0, 0, 0, 0), (0, 0, 4, 8))
    path = tmp_path / ("a.tif" if mode == "PA" else "a.png")
    if mode == "P":
        image.quantize(4).save(path)
    elif mode == "L":
        image.convert("RGB").convert("L").save(path, transparency=0)
    elif mode == "PA":
        image.convert("LA").save(path)
    else:
        image.convert("LA").save(path)
    pixels = np.asarray(read(path, GREEN))
    assert (pixels[0, 0] == GREEN).all()
    assert np.abs(pixels[0, 7].astype(int) - 90).max() <= 1


def test_a_palette_is_its_colours(tmp_path: Path):
    Image.new("RGB", (8, 8), (250, 128, 3)).quantize(2).save(tmp_path / "a.gif")
    assert (np.asarray(read(tmp_path / "a.gif")) == (250, 128, 3)).all()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bits_are_scaled_to_8(tmp_path: Path, name: str):
    values = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / name)
    expected = np.round(values / 257).astype(np.uint8)
    assert np.array_equal(np.asarray(read(tmp_path / name)), np.repeat(expected[..., None], 3, 2))


def test_floats_in_0_to_1_are_scaled_to_8_bits(tmp_path: Path):
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert np.array_equal(np.asarray(read(tmp_path / "a.tif"))[..., 0], np.round(values * 255))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 2.0, -1.0])
def test_other_floats_are_no_picture(tmp_path: Path, bad: float):
    Image.fromarray(np.full((4, 4), bad, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif .*not in 0\.\.1"):
        read(tmp_path / "a.tif")


def test_print_colours_become_rgb(tmp_path: Path):
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    image.save(tmp_path / "a.jpg", quality=100)
    assert np.abs(np.asarray(read(tmp_path / "a.jpg")).astype(int) - (255, 0, 0)).max() < 8


def test_of_an_animation_the_first_picture_counts(tmp_path: Path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (np.asarray(read(tmp_path / "a.gif")) == (255, 0, 0)).all()


def test_a_picture_that_went_away_is_told(tmp_path: Path):
    with pytest.raises(DataError, match=r"a\.png .* not there"):
        cut(tmp_path / "a.png", (8, 8))


@pytest.mark.parametrize("how", [{"crop": "left"}, {"crop": "random"}, {"flip": True}])
def test_choices_that_make_no_sense(wide: Path, how: dict[str, Any]):
    with pytest.raises(ValueError, match=r"choose one of|needs a generator"):
        cut(wide, (8, 8), **how)
