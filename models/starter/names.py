"""The 200 names that the starter model learns, as `names.txt` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STYLES = ("flat", "3d", "line", "noto")
LIST = Path(__file__).parent / "names.txt"


class NamesError(ValueError):
    """A line of the list cannot be understood."""


@dataclass(frozen=True)
class Name:
    """One thing to learn. phrase: as a prompt says it ("a red apple"). icon: what it is called in the four icon sets,
    where `icons` gives no other for a style; None there: that style has no picture of it. plural: how several are
    called, where the rules of captions.py would be wrong. plate: one would put it on a plate."""

    phrase: str
    hexcode: str
    icon: str
    also: str = ""
    icons: Mapping[str, str | None] = field(default_factory=dict)
    plural: str = ""
    plate: bool = False

    @property
    def name(self) -> str:
        """The phrase without its article: "red apple"."""
        return bare(self.phrase)

    @property
    def countable(self) -> bool:
        """Whether the phrase has an article: "a pear", but "bread", "cherries"."""
        return self.name != self.phrase

    def icon_in(self, style: str) -> str | None:
        """The icon of this name in a style; None if there is none."""
        return self.icons.get(style, self.icon)


def bare(phrase: str) -> str:
    """A phrase without its article."""
    first, _, rest = phrase.partition(" ")
    return rest if first in ("a", "an", "the") and rest else phrase


def parse(line: str) -> Name:
    """One line of the list. Raises NamesError, which quotes the line."""
    phrase, hexcode, icon, *more = (part.strip() for part in (line + "| | |").split("|"))
    if not (phrase and hexcode and icon):
        raise NamesError(f'the line "{line}" lacks a part; write PHRASE | HEXCODE | ICON')
    also, plural, plate, icons = "", "", False, dict[str, str | None]()
    for entry in filter(None, more):
        key, _, value = entry.partition("=")
        if key == "also":
            also = value
        elif key == "plural" and value:
            plural = value
        elif entry == "plate":
            plate = True
        elif key in STYLES and value:
            icons[key] = None if value == "-" else value
        else:
            raise NamesError(
                f'"{entry}" in the line "{line}" is none of also=PHRASE, plural=WORDS, plate and STYLE=ICON of {STYLES}'
            )
    return Name(phrase, hexcode, icon, also, icons, plural, plate)


def read_names(path: Path = LIST) -> list[Name]:
    """All names of a list; empty lines and those that begin with # are left out. Raises NamesError, OSError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [parse(line) for line in lines if line.strip() and not line.startswith("#")]
