"""The list of names: complete, unique, and understood or refused line by line."""

import re
from pathlib import Path

import pytest

from models.starter.names import STYLES, Name, NamesError, bare, parse, read_names


def test_the_list_has_200_different_names():
    names = read_names()
    assert len(names) == len({name.name for name in names}) == 200


@pytest.mark.parametrize("style", STYLES)
def test_no_icon_of_a_style_stands_for_two_names(style: str):
    icons = [icon for name in read_names() if (icon := name.icon_in(style))]
    assert len(icons) == len(set(icons))


def test_another_way_to_say_it_is_no_other_name():
    said = [{name.name, bare(name.also or name.phrase)} for name in read_names()]
    assert sum(map(len, said)) == len(set().union(*said))


def test_all_names_have_coloured_drawings_and_the_form_of_a_hexcode():
    for name in read_names():
        assert all(name.icon_in(style) for style in ("flat", "3d", "noto"))
        assert re.fullmatch(r"[0-9A-F]{4,6}", name.hexcode)


def test_the_names_of_the_predecessor_come_first():
    names = [name.name for name in read_names()]
    assert names[0] == "balloon"
    assert names[74] == "whale"


def test_a_line_is_read():
    name = parse("an owl | 1F989 | owl | also=a bird of night | line=- | noto=old-owl")
    assert (name.name, name.also, name.countable) == ("owl", "a bird of night", True)
    assert [name.icon_in(style) for style in STYLES] == ["owl", "owl", None, "old-owl"]
    assert parse("bread | 1F35E | bread") == Name("bread", "1F35E", "bread")
    assert not parse("bread | 1F35E | bread").countable
    fish = parse("a fish | 1F41F | fish | plural=fish | plate")
    assert (fish.plural, fish.plate) == ("fish", True)


@pytest.mark.parametrize(
    "line",
    [
        "an owl | 1F989",
        "an owl | 1F989 | owl | paint=x",
        "an owl | 1F989 | owl | line=",
        "an owl | 1F989 | owl | plural=",
    ],
)
def test_a_line_that_cannot_be_understood_is_quoted(line: str):
    with pytest.raises(NamesError, match=re.escape(line)):
        parse(line)


def test_comments_and_empty_lines_are_left_out(tmp_path: Path):
    (tmp_path / "names.txt").write_text("# things\n\na pear | 1F350 | pear\n", encoding="utf-8")
    assert [name.name for name in read_names(tmp_path / "names.txt")] == ["pear"]
