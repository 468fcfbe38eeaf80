"""Prompts that change during a run: `[from:to:when]` and `[one|other]`. Without torch.

As A1111's WebUI describes it (github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features, "Prompt editing" and
"Alternating Words"):

    [from:to:when]  `from` until the step `when`, then `to`
    [to:when]       nothing, then `to`
    [from::when]    `from`, then nothing
    [a|b|c]         a in the first step, b in the second, c in the third, a in the fourth

`when` is a number of steps, or with a decimal point up to 1.0 a share of them. All of it nests, also in `(...)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DEEPEST = 50  # brackets within brackets
MARK = re.compile(r"\\.|[()\[\]:|]", re.DOTALL)
NUMBER = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*")
PAIRS = {")": "(", "]": "["}


# --- what a prompt holds -------------------------------------------------------------------------


@dataclass(frozen=True)
class Edit:
    """`before` until `when`, then `after`."""

    before: Parts
    after: Parts
    when: str

    def step(self, steps: int) -> int:
        """How many steps `before` holds."""
        value = float(self.when)
        return min(steps, int(value * steps) if "." in self.when and value <= 1 else int(value))


@dataclass(frozen=True)
class Alternate:
    """One option after the other, a step each."""

    options: tuple[Parts, ...]


Part = str | Edit | Alternate
Parts = tuple[Part, ...]


@dataclass(frozen=True)
class Stretch:
    """A text and the steps in which it holds: from `start` up to, not including, `end`, counted from 0."""

    start: int
    end: int
    text: str


def stretches(text: str, steps: int) -> list[Stretch]:
    """What a prompt says in each of the steps, neighbours with the same text as one. Never empty.

    Raises ValueError for brackets that nest too deep.
    """
    parts = parse(text)
    found: list[Stretch] = []
    for i in range(steps) if len(parts) > 1 or not isinstance(next(iter(parts), ""), str) else ():
        told = at(parts, i, steps)
        if found and found[-1].text == told:
            found[-1] = Stretch(found[-1].start, i + 1, told)
        else:
            found.append(Stretch(i, i + 1, told))
    return found or [Stretch(0, steps, at(parts, 0, steps))]


def at(parts: Parts, step: int, steps: int) -> str:
    """The text of one step, counted from 0."""
    return "".join(_said(parts, step, steps))


def _said(parts: Parts, step: int, steps: int) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Edit):
            yield from _said(part.before if step < part.step(steps) else part.after, step, steps)
        else:
            yield from _said(part.options[step % len(part.options)], step, steps)


# --- parsing -------------------------------------------------------------------------------------


@dataclass
class _Open:
    """A bracket that is not yet closed, and what came since: pieces of parts, cut at its `cuts` by : or |."""

    bracket: str
    pieces: list[list[Part]]
    cuts: str


def parse(text: str) -> Parts:
    """The parts of a prompt. Brackets that do not pair up, or say neither kind of change, are text; `\\[` always is."""
    marks = list(MARK.finditer(text))
    paired = _paired(marks)
    stack = [_Open("", [[]], "")]
    at = 0
    for mark in marks:
        top, sign = stack[-1], mark[0]
        top.pieces[-1].append(text[at : mark.start()])
        at = mark.end()
        if sign in (":", "|") and top.bracket == "[":
            top.cuts += sign
            top.pieces.append([])
        elif mark.start() not in paired:
            top.pieces[-1].append(sign)
        elif sign in "([":
            stack.append(_Open(sign, [[]], ""))
        else:
            stack.pop()
            stack[-1].pieces[-1] += _closed(top, sign)
        if len(stack) > DEEPEST:
            raise ValueError(f"the prompt nests brackets more than {DEEPEST} deep; write (words:1.5) for ((((words))))")
    stack[0].pieces[-1].append(text[at:])
    return _joined(stack[0].pieces[0])


def _paired(marks: Sequence[re.Match[str]]) -> set[int]:
    """Where the brackets are that have a partner; what opened within a pair and was not closed there has none."""
    opened: list[re.Match[str]] = []
    found: set[int] = set()
    count = {"(": 0, "[": 0}
    for mark in marks:
        sign = mark[0]
        if sign in count:
            opened.append(mark)
            count[sign] += 1
        elif sign in PAIRS and count[PAIRS[sign]]:
            while True:
                last = opened.pop()
                count[last[0]] -= 1
                if last[0] == PAIRS[sign]:
                    break
            found |= {last.start(), mark.start()}
    return found


def _closed(group: _Open, sign: str) -> list[Part]:
    """What a pair of brackets is: a change, or itself."""
    pieces = [_joined(piece) for piece in group.pieces]
    if "|" in group.cuts:
        return [Alternate(tuple(_options(group)))]
    if group.cuts in (":", "::"):
        *texts, when = pieces
        if len(when) == 1 and isinstance(when[0], str) and (number := NUMBER.fullmatch(when[0])):
            return [Edit(texts[0] if len(texts) == 2 else (), texts[-1], number[1])]
    between = [*group.cuts, sign]
    inner = [part for piece, cut in zip(pieces, between, strict=True) for part in (*piece, cut)]
    return [group.bracket, *inner]


def _options(group: _Open) -> Iterator[Parts]:
    """The pieces between the bars; a colon among them is text."""
    now: list[Part] = [*group.pieces[0]]
    for cut, piece in zip(group.cuts, group.pieces[1:], strict=True):
        if cut == "|":
            yield _joined(now)
            now = [*piece]
        else:
            now += [cut, *piece]
    yield _joined(now)


def _joined(parts: Sequence[Part]) -> Parts:
    """With neighbouring texts as one, and none that is empty."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)
