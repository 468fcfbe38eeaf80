"""Compositions: what is in them, where it is, and that it can be told from what is behind it."""

import random
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from models.starter import compositions, draw
from models.starter.compositions import Composition, Thing
from models.starter.names import Name, read_names

NAMES = read_names()
TONES = {"red apple": (230, 30, 30), "banana": (250, 220, 60), "kiwi": (90, 170, 60), "blue circle": (30, 90, 220)}


def thing(name: str) -> Thing:
    """A name with a plain square for its icon, in its own colour, with margins as icons have them."""
    icon = np.zeros((116, 116, 4), np.uint8)
    icon[8:108, 8:108] = (*TONES[name], 255)
    return Thing(next(one for one in NAMES if one.name == name), icon)


THINGS = [thing(name) for name in TONES]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch):
    """A plate that needs no library: a box, in the colour that the SVG fills first."""

    def box(document: str, size: int) -> np.ndarray:
        tone = document.split('fill="#')[1][:6]
        icon = np.zeros((size, size, 4), np.uint8)
        icon[71:117, 4:124] = (*bytes.fromhex(tone), 255)
        return icon

    monkeypatch.setattr(draw, "rasterise", box)


def columns(made: Composition, name: str) -> np.ndarray:
    """Where from left to right a picture has the colour of a thing."""
    return np.flatnonzero((made.pixels == TONES[name]).all(2).any(0))


def made(kind: str, count: int) -> list[Composition]:
    makers = {"plate": compositions.plates, "pair": compositions.pairs, "count": compositions.counts}
    return list(islice(makers[kind](THINGS, "flat", random.Random(0)), count))


def test_the_first_of_a_pair_is_on_the_left():
    for pair in made("pair", 40):
        first, second = (columns(pair, name) for name in pair.name.split(" and "))
        assert first.min() > 0
        assert first.max() < 64 <= second.min()
        assert second.max() < 127
        assert 54 <= len(first) <= 60


def test_names_are_in_about_the_same_number_of_pairs():
    found = Counter(name for pair in made("pair", 41) for name in pair.name.split(" and "))
    assert set(found) == set(TONES)
    assert max(found.values()) - min(found.values()) <= 1


def test_only_what_one_eats_is_on_a_plate_and_it_stands_out_from_it(drawn: None):
    pictures = made("plate", 80)
    assert {plate.name.split(" on ")[0] for plate in pictures} == {"red apple", "banana", "kiwi"}
    assert len({plate.name.split(" on ")[1] for plate in pictures}) >= 7
    assert not [plate for plate in pictures if plate.name == "red apple on a red plate"]


def test_a_plate_differs_from_the_background_and_is_seen_on_both_sides_of_the_thing(drawn: None):
    for picture in made("plate", 80):
        name, plate = picture.name.split(" on ")
        tone = draw.COLOURS[(plate.split()[1:-1] or ["white"])[0]]
        assert tuple(picture.pixels[95, 8]) == tuple(picture.pixels[95, 119]) == tone
        assert tuple(picture.pixels[0, 0]) == draw.COLOURS[picture.background]
        if picture.background != "white":
            assert tone != draw.COLOURS[picture.background]
        assert tuple(picture.pixels[99, 64]) == TONES[name]  # over the plate
        assert tuple(picture.pixels[110, 64]) == tone  # and not over all of it


@pytest.mark.parametrize("number", ["two", "three"])
def test_as_many_things_are_drawn_as_are_said(number: str):
    pictures = [some for some in made("count", 60) if some.name.startswith(number)]
    assert pictures
    for some in pictures:
        name = next(name for name in TONES if some.name.endswith(f"{name}s"))
        area = (some.pixels == TONES[name]).all(2).sum()
        one = area / (2 if number == "two" else 3)
        assert np.isclose(one**0.5 % 1, 0)  # squares that do not overlap
        assert 40 <= one**0.5 <= 60
        assert all(caption.find(number) >= 0 for caption in some.captions)


def test_a_background_that_is_not_white_is_said_and_things_stand_out_from_it():
    pictures = made("pair", 100)
    coloured = [pair for pair in pictures if pair.background != "white"]
    assert 25 < len(coloured) < 55
    for pair in coloured:
        assert all(f"{pair.background} background" in caption for caption in pair.captions)
        assert not pair.name.startswith(pair.background)


def test_what_can_not_be_composed_is_left_out():
    broccoli = Thing(Name("broccoli", "1F966", "broccoli"), THINGS[0].pixels)
    assert not list(compositions.compositions([broccoli], "flat", 0))
    assert not list(compositions.compositions([], "line", 0))


def test_a_line_drawing_hides_the_plate_behind_it_and_the_plate_has_no_colour():
    outline = THINGS[0].pixels.copy()
    outline[16:100, 16:100] = 0
    below = np.full((128, 128, 4), 255, np.uint8)
    plate, above = compositions.served_on(below, outline, "line", random.Random(0))
    assert plate.pixels[above.top + 40, 64, 3] == 0
    assert plate.pixels[127, 64, 3] == 255
    assert below.all()
    assert compositions.plate_colour(outline, "line", random.Random(0)) == "white"


@pytest.mark.parametrize("style", ["flat", "3d", "noto", "line"])
@pytest.mark.parametrize("colour", ["white", "black", "blue"])
def test_a_plate_is_wide_and_has_its_colour(colour: str, style: str):
    pytest.importorskip("resvg_py")
    plate = compositions.plate(colour, style)
    height, width = draw.cropped(plate).shape[:2]
    assert width > 2 * height > 80
    rim = plate[94, 2:5]
    assert (rim[..., 3] > 200).any()
    if style in ("flat", "noto"):
        assert tuple(plate[94, 12]) == (*draw.COLOURS[colour], 255)
        assert np.abs(plate[94, 64, :3].astype(int) - draw.COLOURS[colour]).max() > 10
    if style == "line":
        assert plate[94, 64, 3] == 0
