"""What a text encoder is given of a prompt, as a table that people read: its tokens, their chunks and weights."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import NamedTuple

from diffusion.emphasis import STANDARD, Language
from diffusion.prompt import LENGTH, Chunk, Token, Vector
from diffusion.prompt_schedule import stretches
from diffusion.text import Clip, Encoder
from diffusion.tokenizer import BYTE_IDS, END, START, ranks

ROOM = LENGTH - 2  # tokens of a chunk, beside its start and end
BAR = 10  # signs for a weight of 1
MOST = 30  # signs of a bar


class Counted(NamedTuple):
    table: str
    tokens: int  # without start, end and what fills up; of the encoder that has most
    chunks: int


def counted(clip: Clip, text: str, language: Language = STANDARD) -> Counted:
    """The tokens of a prompt. Encoders that get the same are told of together.

    Raises ValueError for a weight that is no finite number.
    """
    seen = [(encoder, clip.tokenize(text, encoder, language)) for encoder in clip.encoders]
    told = [(encoder.name, [_rows(chunk, encoder) for chunk in chunks]) for encoder, chunks in seen]
    parts = [_part([name for name, _ in same], rows) for rows, same in groupby(told, key=lambda one: one[1])]
    return Counted(
        "\n\n".join(parts),
        max(sum(map(len, rows)) for _, rows in told),
        max(len(rows) for _, rows in told),
    )


def counted_by_step(clip: Clip, text: str, language: Language, steps: int) -> Counted:
    """The same for each text of a prompt that changes, under the steps in which it first holds; the most of tokens."""
    first: dict[str, str] = {}
    for one in stretches(text, steps):
        first.setdefault(one.text, f"steps {one.start + 1}-{one.end}: {one.text}")
    found = [counted(clip, said, language) for said in first]
    table = "\n\n".join(f"{title}\n{one.table}" for title, one in zip(first.values(), found, strict=True))
    return Counted(table, max(one.tokens for one in found), max(one.chunks for one in found))


Row = tuple[str, float]


def _part(names: list[str], chunks: list[list[Row]]) -> str:
    total = sum(map(len, chunks))
    lines = [f"{' and '.join(names)}: {_number(total, 'token')} in {_number(len(chunks), 'chunk')} of {ROOM}"]
    width = max((len(word) for rows in chunks for word, _ in rows), default=0)
    for n, rows in enumerate(chunks, 1):
        lines += ["", f"chunk {n}: {len(rows)} of {ROOM}"] if len(chunks) > 1 else [""]
        lines += [f"{i:3}  {word:{width}}  {weight:6.3f}  {_bar(weight)}" for i, (word, weight) in enumerate(rows, 1)]
    return "\n".join(lines).rstrip()


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _bar(weight: float) -> str:
    return "▪" * min(MOST, round(abs(weight) * BAR))


def _rows(chunk: Chunk, encoder: Encoder) -> list[Row]:
    """The words of a chunk with their weights, without start, end and what fills up."""
    used = list(chunk[1:])
    while used and used[-1] == (encoder.pad, 1.0):
        used.pop()
    while used and used[-1] == (END, 1.0):
        used.pop()
    return [(spelled(token), weight) for token, weight in used]


def spelled(token: Token) -> str:
    """A token as it is written: `-` at its end where a word goes on behind it, `<name 2>` a vector of an embedding."""
    if isinstance(token, Vector):
        return f"<{token.name} {token.index + 1}>"
    if token in (START, END):
        return "<start>" if token == START else "<end>"
    piece, whole = _pieces()[token]
    return piece.decode("utf-8", "replace") + ("" if whole else "-")


@cache
def _pieces() -> list[tuple[bytes, bool]]:
    """The bytes of each token, and whether a word ends with it."""
    single = {token: bytes([byte]) for byte, token in BYTE_IDS.items()}
    pieces = [(single[i % 256], i >= 256) for i in range(512)]
    for first, second in ranks():
        pieces.append((pieces[first][0] + pieces[second][0], pieces[second][1]))
    return pieces
