"""Captions: the same for the same seed, with the style and the background where they must be said."""

import random
from functools import partial

import pytest

from models.starter.captions import captions, composed, counted, on_plate, plural, plurals, side_by_side
from models.starter.draw import COLOURS
from models.starter.names import STYLES, read_names

NAMES = read_names()
BY_NAME = {name.name: name for name in NAMES}
COLOURED = [colour for colour in COLOURS if colour != "white"]


def drawn(k: int, style: str, background: str, tags: tuple[str, ...] = ()) -> list[str]:
    return captions(NAMES[k], style, background, tags, random.Random(f"{k} {style} {background}"), count=40)


@pytest.mark.parametrize("style", STYLES)
def test_captions_are_the_same_each_time_and_differ_from_each_other(style: str):
    first = drawn(18, style, "blue")
    assert first == drawn(18, style, "blue")
    assert len(first) == len(set(first)) > 5


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("background", COLOURED)
def test_a_background_is_said_where_it_is_not_white(style: str, background: str):
    assert all(
        f"{background} background" in caption for k in range(0, 200, 20) for caption in drawn(k, style, background)
    )


@pytest.mark.parametrize("style", STYLES)
def test_white_is_not_said(style: str):
    assert not [c for k in range(200) for c in drawn(k, style, "white") if "background" in c or "white" in c]


@pytest.mark.parametrize("style", ["3d", "line", "noto"])
def test_a_style_is_always_said_but_for_flat(style: str):
    assert all(style in caption.replace(",", "").split() for k in range(200) for caption in drawn(k, style, "white"))


def test_flat_is_mostly_not_said():
    all_captions = [caption for k in range(200) for caption in drawn(k, "flat", "white")]
    marked = [caption for caption in all_captions if "flat" in caption.replace(",", "").split()]
    assert 0 < len(marked) < len(all_captions) / 2
    assert not [c for c in all_captions if {"3d", "noto", "line"} & set(c.replace(",", "").split())]


def test_the_article_goes_with_the_word():
    cherries = next(k for k, name in enumerate(NAMES) if name.name == "cherries")
    said = drawn(cherries, "3d", "orange")
    assert any(caption.startswith("3d cherries") for caption in said)
    assert not [caption for caption in said if "a 3d cherries" in caption or "a orange" in caption]


def test_tags_are_rare_and_never_the_word_of_a_style():
    source = random.Random(0)
    tags = ("fruit", "flat", "line")
    said = [caption for name in NAMES for _ in range(10) for caption in captions(name, "3d", "white", tags, source, 1)]
    tagged = [caption for caption in said if "fruit" in caption]
    assert 0.05 < len(tagged) / len(said) < 0.11
    assert not [caption for caption in said if "flat" in caption or "line" in caption]


# --- of several things ---------------------------------------------------------------------------


def test_a_thing_on_a_plate_is_told_with_the_colour_of_the_plate():
    said = composed(partial(on_plate, BY_NAME["red apple"], "blue"), "flat", "white", random.Random(0), 60)
    assert {"a red apple on a blue plate", "a flat red apple on a blue plate"} <= set(said)
    assert all("red apple on a blue plate" in caption for caption in said)


def test_the_colour_of_a_white_plate_is_mostly_left_out():
    words = partial(on_plate, BY_NAME["pizza"], "white", "flat")
    said = [words(random.Random(k)).a for k in range(300)]
    assert set(said) == {
        f"{thing} on {plate}" for thing in ("pizza", "a slice of pizza") for plate in ("a plate", "a white plate")
    }
    assert 0 < sum("white" in caption for caption in said) < 100


@pytest.mark.parametrize("style", STYLES)
def test_the_first_of_two_is_always_said_first(style: str):
    words = partial(side_by_side, BY_NAME["cat face"], BY_NAME["red apple"])
    said = composed(words, style, "orange", random.Random(0), 80)
    assert len(said) > 20
    assert all(caption.index("cat") < caption.index("red apple") for caption in said)
    assert all("orange background" in caption for caption in said)
    assert any(" next to " in caption for caption in said)
    if style != "flat":
        assert all(style in caption.replace(",", "").split() for caption in said)


def test_each_of_two_things_has_its_style():
    words = side_by_side(BY_NAME["bread"], BY_NAME["owl"], "3d", random.Random(1))
    assert words.one in {
        f"{bread} {joint} a 3d owl" for bread in ("3d bread", "a 3d loaf of bread") for joint in ("and", "next to")
    }


def test_several_things_are_counted():
    said = composed(partial(counted, BY_NAME["cat face"], 3), "3d", "white", random.Random(0), 60)
    assert {"three 3d cats", "three 3d cat faces", "a 3d emoji of three cats"} <= set(said)
    assert all("three" in caption for caption in said)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("red apple", "red apples"),
        ("strawberry", "strawberries"),
        ("key", "keys"),
        ("fox", "foxes"),
        ("bus", "buses"),
        ("peach", "peaches"),
        ("slice of pizza", "slices of pizza"),
        ("face with heart eyes", "faces with heart eyes"),
    ],
)
def test_regular_plurals(one: str, many: str):
    assert plural(one) == many


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("fish", ["fish"]),
        ("snowman", ["snowmen"]),
        ("wolf", ["wolves"]),
        ("mouse face", ["mice"]),
        ("dice", ["dice"]),
        ("tomato", ["tomatoes"]),
        ("cat face", ["cat faces", "cats"]),
        ("bread", ["loaves of bread"]),
        ("coffee", ["cups of coffee"]),
        ("sun", ["suns"]),
        ("scissors", []),
        ("french fries", []),
    ],
)
def test_plurals_of_the_list(name: str, many: list[str]):
    assert plurals(BY_NAME[name]) == many


def test_the_plate_of_a_line_drawing_has_no_colour():
    words = partial(on_plate, BY_NAME["lemon"], "white")
    said = composed(words, "line", "pink", random.Random(0), 80)
    assert not [caption for caption in said if "white" in caption]
