"""Prompts that hold choices, `{a|b}` and `__file__`, and the text that a seed draws from them. Without torch.

The syntax is that of Dynamic Prompts (github.com/adieyal/sd-dynamic-prompts, docs/SYNTAX.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

DEEPEST = 50  # choices within choices
LONGEST = 100_000  # characters of a drawn text
SEPARATOR = ", "  # between the several options that one choice gives

COMMENT = re.compile(r"(?<!\S)#[^\n]*")
MARK = re.compile(r"\\[{}|#]|[{}|]|__(?P<name>[\w\-./*?~ ]+?)__")
COUNT = re.compile(r"\s*(?:(?P<low>\d*)(?P<dash>-)(?P<high>\d*)|(?P<exact>[\w.+]+))\$\$(?:(?P<between>[^${}|]*)\$\$)?")
WEIGHT = re.compile(r"\s*(?P<weight>[\w.+-]+)::")


# --- what a template holds -----------------------------------------------------------------------


@dataclass(frozen=True)
class Wild:
    """One of the lines of the files that a name means."""

    name: str


@dataclass(frozen=True)
class Option:
    weight: float
    parts: Parts


@dataclass(frozen=True)
class Choice:
    """From `low` to `high` (None: all) of the options, each once, joined by `between`."""

    options: tuple[Option, ...]
    low: int
    high: int | None
    between: str

    @property
    def file(self) -> str | None:
        """The file whose lines are the options of a choice such as `{2$$__colours__}`."""
        parts = self.options[0].parts
        only = parts[0] if len(self.options) == 1 and len(parts) == 1 and self.high != 1 else None
        return only.name if isinstance(only, Wild) else None


Part = str | Wild | Choice
Parts = tuple[Part, ...]
Lines = Callable[[str], Sequence[Option]]  # of the files that a name means


def parse(text: str) -> Parts:
    """The parts of a template. Brackets that do not pair up are text; `\\{`, `\\|`, `\\}`, `\\#` are always text.

    Raises ValueError for a weight or a number that is none.
    """
    (parts,) = _options(COMMENT.sub("", text))
    return parts


def line(text: str) -> Option:
    """One line of a file: an option, which may begin with its weight."""
    return _option(parse(text.strip()))


def names(parts: Parts) -> Iterator[str]:
    """Of the files that may be needed."""
    for part in parts:
        if isinstance(part, Wild):
            yield part.name
        elif isinstance(part, Choice):
            for one in part.options:
                yield from names(one.parts)


# --- parsing -------------------------------------------------------------------------------------


def _options(text: str) -> list[Parts]:
    """The parts of a text, as the one option of a choice that is the whole text."""
    marks = list(MARK.finditer(text))
    paired = _paired(marks)
    open_ones: list[list[list[Part]]] = [[[]]]  # the options so far of each choice that is not yet closed
    at = 0
    for mark in marks:
        inner = open_ones[-1]
        inner[-1].append(text[at : mark.start()])
        at = mark.end()
        if mark["name"]:
            inner[-1].append(Wild(mark["name"].strip()))
        elif mark[0] == "|" and len(open_ones) > 1:
            inner.append([])
        elif mark.start() not in paired:
            inner[-1].append(mark[0][-1])
        elif mark[0] == "{":
            open_ones.append([[]])
        else:
            open_ones.pop()
            open_ones[-1][-1].append(_choice([_joined(parts) for parts in inner]))
        if len(open_ones) > DEEPEST:
            raise ValueError(f"the prompt nests {{...}} more than {DEEPEST} deep; put the inner ones into a file")
    open_ones[0][-1].append(text[at:])
    return [_joined(parts) for parts in open_ones[0]]


def _paired(marks: Sequence[re.Match[str]]) -> set[int]:
    """Where the brackets are that have a partner."""
    opened: list[int] = []
    found: set[int] = set()
    for mark in marks:
        if mark[0] == "{":
            opened.append(mark.start())
        elif mark[0] == "}" and opened:
            found |= {opened.pop(), mark.start()}
    return found


def _joined(parts: Sequence[Part]) -> Parts:
    """With neighbouring texts as one, and none that is empty."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _first(parts: Parts) -> str:
    """The text that an option begins with."""
    return parts[0] if parts and isinstance(parts[0], str) else ""


def _without(parts: Parts, count: int) -> Parts:
    """Without so many characters at the beginning, and the spaces after them."""
    text = _first(parts)
    return _joined([text[count:].lstrip(), *parts[1:]]) if text else parts


def _choice(options: list[Parts]) -> Choice:
    low, high, between = 1, 1, SEPARATOR
    if count := COUNT.match(_first(options[0])):
        between = SEPARATOR if count["between"] is None else count["between"]
        low, high = _bounds(count)
        options = [_without(options[0], count.end()), *options[1:]]
    return Choice(tuple(map(_option, options)), low, high, between)


def _bounds(count: re.Match[str]) -> tuple[int, int | None]:
    """How many options are taken: `2`, `1-3`, `-3` (from 1 on) or `2-` (all at most)."""
    exact, told = count["exact"], count[0].partition("$$")[0].strip()
    if exact is not None:
        if not exact.isdecimal():
            raise ValueError(f"{told}$$ is no number of options; write for example 2$$ or 1-3$$")
        return int(exact), int(exact)
    low, high = int(count["low"] or 1), int(count["high"]) if count["high"] else None
    if high is not None and low > high:
        raise ValueError(f"{told}$$ runs from {low} down to {high}; write {high}-{low}$$")
    return low, high


def _option(parts: Parts) -> Option:
    match = WEIGHT.match(_first(parts))
    if not match:
        return Option(1.0, _without(parts, 0))
    return Option(_weight(match["weight"], _first(parts)), _without(parts, match.end()))


def _weight(told: str, text: str) -> float:
    try:
        weight = float(told)
    except ValueError:
        weight = -1.0
    if not 0 <= weight < math.inf:
        short = text.strip()[:40]
        raise ValueError(f"{short!r} begins with the weight {told!r}, which is no number from 0 on; write 2::option")
    return weight


# --- drawing -------------------------------------------------------------------------------------


def draw(text: str, seed: int, lines: Lines) -> str:
    """The text that a seed draws: one seed, one text, on every machine.

    lines: the options that the name of a wildcard stands for; raises ValueError where there is none.
    Raises ValueError for what cannot be parsed, has no option of a weight above 0, or grows beyond LONGEST.
    """
    return _Drawing(Random(seed), lines).text(parse(text)).strip()


class _Drawing:
    def __init__(self, random: Random, lines: Lines):
        self._random, self._lines, self._left = random, lines, LONGEST

    def text(self, parts: Parts) -> str:
        return "".join(self._part(part) for part in parts)

    def _part(self, part: str | Wild | Choice) -> str:
        if isinstance(part, Wild):
            (drawn,) = self._pick(self._lines(part.name), 1, f"__{part.name}__")
            return self.text(drawn.parts)
        if isinstance(part, Choice):
            return self._chosen(part)
        self._left -= len(part)
        if self._left < 0:
            raise ValueError(f"the drawn prompt grows beyond {LONGEST} characters; let its wildcards hold less")
        return part

    def _chosen(self, choice: Choice) -> str:
        options = self._lines(choice.file) if choice.file else choice.options
        low = min(choice.low, len(options))
        high = len(options) if choice.high is None else min(choice.high, len(options))
        count = low + int(self._random.random() * (high - low + 1)) if high > low else low
        told = f"__{choice.file}__" if choice.file else "{...}"
        return choice.between.join([self.text(one.parts) for one in self._pick(options, count, told)])

    def _pick(self, options: Sequence[Option], count: int, told: str) -> list[Option]:
        """Some of the options, each at most once, by their weights."""
        left, picked = [one for one in options if one.weight > 0], list[Option]()
        if count and not left:
            raise ValueError(f"{told} has no option with a weight above 0")
        while left and len(picked) < count:
            at = self._random.random() * math.fsum(one.weight for one in left)
            index = 0
            while index < len(left) - 1 and at >= left[index].weight:
                at -= left[index].weight
                index += 1
            picked.append(left.pop(index))
        return picked
