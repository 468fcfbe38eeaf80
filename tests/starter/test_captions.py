"""Captions: the same for the same seed, with the style and the background where they must be said."""

import random

import pytest

from models.starter.captions import captions
from models.starter.draw import COLOURS
from models.starter.names import STYLES, read_names

NAMES = read_names()
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
