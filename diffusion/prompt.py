"""The language of prompts: weights in brackets, names of embeddings, chunks of 77 tokens. Without torch."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffusion.tokenizer import END, START

if TYPE_CHECKING:
    from torch import Tensor

LENGTH = 77  # of a chunk: start, 75 tokens, end
SHORT = 8  # a group of fewer tokens is not cut
OPEN, CLOSE = "\ufdd0", "\ufdd1"  # brackets that are text; Unicode keeps these two out of texts
PLAIN = {ord(OPEN): "(", ord(CLOSE): ")"}
EMBEDDING = re.compile(r"(?:^|[ \n])embedding:")


# --- weights -------------------------------------------------------------------------------------


def weighted(text: str) -> list[tuple[str, float]]:
    """The segments of a prompt and their weights.

    `(x)` multiplies the weight around it by 1.1, `(x:1.3)` sets it to 1.3; brackets nest. `\\(` and `\\)` are text, and
    so is what does not pair up. The time is linear in the length of the text, and its depth is not limited.
    """
    text = _bare(text.replace("\\(", OPEN).replace("\\)", CLOSE))
    return [(segment.translate(PLAIN), weight) for segment, weight in _segments(text)]


def _bare(text: str) -> str:
    """With those brackets made text that pair up with nothing before them: a `)` that would end what was not begun, and
    all after it until as many `(` have come."""
    depth = 0

    def kept(match: re.Match[str]) -> str:
        nonlocal depth
        if match[0] == "(":
            depth += 1
            return "(" if depth > 0 else OPEN
        depth -= 1
        return ")" if depth >= 0 else CLOSE

    return re.sub(r"[()]", kept, text)


def _pairs(text: str) -> tuple[dict[int, int], list[int]]:
    """The partner of each bracket that has one, and the opening ones that have none."""
    partner: dict[int, int] = {}
    opened: list[int] = []
    for match in re.finditer(r"[()]", text):
        at = match.start()
        if match[0] == "(":
            opened.append(at)
        else:
            partner[at] = opened.pop()
            partner[partner[at]] = at
    return partner, opened


def _segments(text: str) -> Iterator[tuple[str, float]]:
    """For a text whose every `)` has a partner. An unmatched `(` makes the rest text, unless that ends in `)`: then the
    rest is one group, and the bracket that was the partner of its last has none."""
    partner, opened = _pairs(text)
    waiting = deque(opened)
    start, end, weight = 0, len(text), 1.0
    while waiting:
        first = waiting.popleft()
        yield from _balanced(text, start, first, weight, partner)
        if text[end - 1] != ")":
            yield text[first:end], weight
            return
        waiting.append(partner[end - 1])
        start = first + 1
        end, weight = _weight(text, start, end - 1, weight)
    yield from _balanced(text, start, end, weight, partner)


def _balanced(text: str, start: int, end: int, weight: float, partner: dict[int, int]) -> Iterator[tuple[str, float]]:
    """The segments of a stretch whose brackets are all paired, without recursion."""
    todo = [(start, end, weight)]
    while todo:
        start, end, weight = todo.pop()
        at = text.find("(", start, end)
        stop = end if at < 0 else at
        if start < stop:
            yield text[start:stop], weight
        if at >= 0:
            todo.append((partner[at] + 1, end, weight))
            todo.append((at + 1, *_weight(text, at + 1, partner[at], weight)))


def _weight(text: str, start: int, end: int, weight: float) -> tuple[int, float]:
    """Where the text of a group ends, and its weight: the number after its last colon, else 1.1 times the outer one."""
    colon = text.rfind(":", text.rfind(")", start, end) + 1 or start, end)
    if colon > start:
        try:
            return colon, float(text[colon + 1 : end])
        except ValueError:
            pass
    return end, weight * 1.1


# --- embeddings ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Piece:
    """A part of a segment: the name of an embedding (None: there is none), and the text after it."""

    name: str | None
    text: str


def pieces(segment: str) -> list[Piece]:
    """Cut a segment at each `embedding:name` that begins it or stands after a space or a newline."""
    first, *named = EMBEDDING.split(segment)
    return [Piece(None, first), *(_named(part) for part in named)]


def _named(part: str) -> Piece:
    name = re.match(r"\S*", part)
    assert name  # the pattern matches anything
    return Piece(name[0], part[name.end() :])


# --- chunks --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Vector:
    """One vector of an embedding, which takes the place of a token."""

    name: str
    index: int
    values: Tensor  # w


Token = int | Vector
Chunk = list[tuple[Token, float]]  # 77 tokens and their weights


def chunks(groups: Sequence[Sequence[tuple[Token, float]]], pad: int) -> list[Chunk]:
    """Pack groups of weighted tokens into chunks: start, at most 75 tokens, end, then `pad`.

    A group that does not fit is cut if it has 8 tokens or more, and else begins the next chunk.
    """
    done: list[Chunk] = []
    now: Chunk = [(START, 1.0)]
    for group in groups:
        left = list(group)
        while len(now) + len(left) > LENGTH - 1:
            room = LENGTH - 1 - len(now) if len(group) >= SHORT else 0
            done.append(_closed(now + left[:room], pad))
            now = [(START, 1.0)]
            left = left[room:]
        now += left
    return [*done, _closed(now, pad)]


def _closed(tokens: Chunk, pad: int) -> Chunk:
    padding: Chunk = [(pad, 1.0) for _ in range(LENGTH - 1 - len(tokens))]
    return [*tokens, (END, 1.0), *padding]
