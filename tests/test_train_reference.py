"""docs/train.md names every key of a training's file, with its default and its choices, and no other."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from training.config import Config

PAGE = (Path(__file__).parents[1] / "docs/train.md").read_text(encoding="utf-8")
SECTIONS: dict[str, Any] = get_type_hints(Config)


def rows(section: str) -> list[tuple[str, str, str]]:
    """Name, default and meaning of each line of a section's table."""
    text = PAGE.partition(f"## `[{section}]`\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| `?([^|]*?)`? \| (.+) \|$", text, re.MULTILINE)


def written(f: "dataclasses.Field[Any]") -> str:
    """A default as TOML has it."""
    if f.default is dataclasses.MISSING:
        return "needed"
    return json.dumps(f.default)


def test_the_sections_are_those_of_the_file():
    assert re.findall(r"^## `\[(\w+)\]`$", PAGE, re.MULTILINE) == list(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_names_and_defaults_are_those_of_the_file(section: str):
    said = [(name, default) for name, default, _ in rows(section)]
    assert said == [(f.name, written(f)) for f in dataclasses.fields(SECTIONS[section])]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_choice_is_named(section: str):
    hints = get_type_hints(SECTIONS[section])
    for name, _, meaning in rows(section):
        if get_origin(hints[name]) is Literal:
            named = re.findall(r'`"(\w+)"`', meaning)
            assert sorted({*named}) == sorted(choice for choice in get_args(hints[name]) if choice), name
