"""Where captions come from, and which of them counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.data.making import picture
from training.data import DataError, Found, read_folder
from training.data.captions import from_name, with_trigger


def captions(found: Found) -> dict[str, tuple[str, ...]]:
    return {example.path.name: example.captions for example in found.examples}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One picture for each way; those before it in the order have none."""
    for name in ("in txt.png", "in json.png", "in table.png", "in name.png"):
        picture(tmp_path / name)
    (tmp_path / "in txt.txt").write_text("\ufeff  from the text,\nof two lines \n", encoding="utf-8")
    for name in ("in txt", "in json"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"caption": f"json of {name}"}))
    rows = "".join(f"{name}.png,table of {name}\n" for name in ("in txt", "in json", "in table"))
    (tmp_path / "captions.csv").write_text("file,caption\n" + rows)
    return tmp_path


def test_the_first_that_is_there_counts(folder: Path):
    assert captions(read_folder(folder)) == {
        "in txt.png": ("from the text,\nof two lines",),
        "in json.png": ("json of in json",),
        "in table.png": ("table of in table",),
        "in name.png": ("in name",),
    }


WAYS = [("txt", ["in txt"]), ("json", ["in json", "in txt"]), ("table", ["in json", "in table", "in txt"])]


@pytest.mark.parametrize(("way", "has"), WAYS)
def test_one_way_may_be_forced_and_the_rest_is_left_out(folder: Path, way: str, has: list[str]):
    found = read_folder(folder, captions=way)
    assert [example.path.stem for example in found.examples] == has
    assert len(found.skipped) == 4 - len(has)
    assert all("has no caption" in sentence for sentence in found.skipped)


def test_names_may_be_forced(folder: Path):
    assert captions(read_folder(folder, captions="name"))["in txt.png"] == ("in txt",)


def test_no_captions_may_be_forced(folder: Path):
    assert set(captions(read_folder(folder, captions="none")).values()) == {()}


@pytest.mark.parametrize("way", ["txt", "json", "table", "auto", "name"])
def test_no_caption_at_all_is_an_error_with_a_remedy(tmp_path: Path, way: str):
    picture(tmp_path / "0001.png")
    with pytest.raises(
        DataError, match=r"no picture .of 1. has a caption.*(beside each|captions\.csv|names with words)"
    ):
        read_folder(tmp_path, captions=way)


def test_an_unknown_way_is_an_error(tmp_path: Path):
    with pytest.raises(DataError, match="choose one of auto, txt"):
        read_folder(tmp_path, captions="xml")


def test_pictures_called_by_their_names_are_noted(folder: Path):
    (note,) = read_folder(folder).notes
    assert note == "pictures without captions are called by their names: in name.png"


def test_texts_without_a_picture_are_noted(folder: Path):
    (folder / "in nmae.txt").write_text("misspelt")
    assert any("in nmae.txt" in note for note in read_folder(folder).notes)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"caption": " one "}, ("one",)),
        ({"captions": ["one", "", "two"]}, ("one", "two")),
        ({"captions": "one"}, ("one",)),
        (["one", "two"], ("one", "two")),
        ("one", ("one",)),
        ({"title": "x"}, ()),
    ],
)
def test_json_has_one_caption_or_several(tmp_path: Path, value: object, expected: Sequence[str]):
    picture(tmp_path / "01.png")
    picture(tmp_path / "apple.png")
    (tmp_path / "01.json").write_text(json.dumps(value))
    assert captions(read_folder(tmp_path)).get("01.png", ()) == expected


BAD = {
    "deep.json": b"[" * 100_000,
    "half.json": b'{"caption": ',
    "numbers.json": b"[1, 2]",
    "other.json": b'{"caption": {"text": "a"}}',
    "latin.txt": "une pêche".encode("latin-1"),
    "large.txt": b"a" * (2**20 + 1),
}


@pytest.mark.parametrize("name", BAD)
def test_a_picture_with_damaged_captions_is_left_out(tmp_path: Path, name: str):
    picture(tmp_path / "apple.png")
    picture(tmp_path / f"{Path(name).stem}.png")
    (tmp_path / name).write_bytes(BAD[name])
    found = read_folder(tmp_path)
    assert list(captions(found)) == ["apple.png"]
    (sentence,) = found.skipped
    assert sentence.startswith(f"{Path(name).stem}.png is left out: {name}")


def test_an_empty_text_is_no_caption(tmp_path: Path):
    picture(tmp_path / "red apple.png")
    (tmp_path / "red apple.txt").write_text(" \n")
    assert captions(read_folder(tmp_path)) == {"red apple.png": ("red apple",)}


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        ("red-apple_03", "red apple"),
        ("0003_red apple", "red apple"),
        ("red apple (2)", "red apple"),
        ("red__apple-12-7", "red apple"),
        ("3d-glasses", "3d glasses"),
        ("苹果_1", "苹果"),
        ("0001", ""),
        ("12-07_3", ""),
        ("--", ""),
    ],
)
def test_names_become_words(stem: str, words: str):
    assert from_name(stem) == words


@given(st.text(max_size=300))
def test_any_name_becomes_words_without_ends(stem: str):
    words = from_name(stem)
    assert words == words.strip()
    assert not words or any(letter.isalpha() for letter in words)


def test_names_of_cameras_say_nothing(tmp_path: Path):
    picture(tmp_path / "IMG_2031.jpg")
    picture(tmp_path / "apple.jpg")
    assert list(captions(read_folder(tmp_path))) == ["apple.jpg"]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (("a bird",), ("owl, a bird",)),
        (("a bird", "owl, at night", "owl"), ("owl, a bird", "owl, at night", "owl")),
        (("owlet",), ("owl, owlet",)),
        ((), ("owl",)),
    ],
)
def test_the_trigger_is_before_each_caption_once(given_: tuple[str, ...], expected: tuple[str, ...]):
    assert with_trigger(given_, "owl") == expected
    assert with_trigger(given_, "") == given_


def test_the_trigger_stands_alone_where_nothing_is_said(tmp_path: Path):
    picture(tmp_path / "0001.png")
    for way in ("auto", "none"):
        assert captions(read_folder(tmp_path, captions=way, trigger=" owl ")) == {"0001.png": ("owl",)}
    with pytest.raises(DataError, match=r"no picture .* has a caption"):
        read_folder(tmp_path, captions="txt", trigger="owl")


def test_a_label_beside_a_picture_is_its_class(tmp_path: Path):
    picture(tmp_path / "0001.png")
    (tmp_path / "0001.json").write_text('{"label": 7}')
    (example,) = read_folder(tmp_path).examples
    assert (example.captions, example.label) == ((), 7)
