"""CLIP's tokenizer: byte pairs, lower case, 49,408 tokens. Without torch."""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path

import regex

START, END = 49406, 49407
MERGES = Path(__file__).parent / "clip_vocabulary/merges.txt.gz"
WORD_END = "</w>"
MARKS = {"<|startoftext|>": START, "<|endoftext|>": END}
MARK = regex.compile(r"(<\|(?:start|end)oftext\|>)")
PIECE = regex.compile(r"<\|((?:start|end)oftext)\|>|'(?:s|t|re|ve|m|ll|d)|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+")


def tokenize(text: str) -> list[int]:
    """The tokens of a text, without start and end. Radford et al. 2021, as transformers 5 does it: the text is brought
    to Unicode's composed form (NFC) and lower case; nothing else is cleaned."""
    return [token for part in MARK.split(text) for token in ([MARKS[part]] if part in MARKS else _tokens(part))]


def _tokens(text: str) -> Iterator[int]:
    # one character at a time: as a whole, Python would look at a sigma's place in its word
    lower = "".join(map(str.lower, unicodedata.normalize("NFC", text)))
    for match in PIECE.finditer(lower):
        for piece in ("<|", match[1], "|>") if match[1] else (match[0],):
            yield from word(piece)


@lru_cache(1 << 16)
def word(piece: str) -> tuple[int, ...]:
    """The tokens of a piece of text that is nowhere cut before it is tokenized: letters, a digit, or symbols."""
    ids = [BYTE_IDS[byte] for byte in piece.encode(errors="replace")]  # half a surrogate pair becomes "?"
    ids[-1] += 256
    return tuple(merge(ids, ranks()))


def merge(ids: list[int], order: Mapping[tuple[int, int], int]) -> list[int]:
    """Replace neighbouring pairs by their merge, the pair first in order first, then from the left: O(n log n)."""
    count = len(ids)
    ids = [*ids, -1]  # -1: nothing, as after the last
    after, before = list(range(1, count + 2)), list(range(-1, count))
    heap = [(order[pair], i) for i, pair in enumerate(pairwise(ids)) if pair in order]
    heapify(heap)
    while heap:
        rank, i = heappop(heap)
        j = after[i]
        if ids[i] < 0 or order.get((ids[i], ids[j])) != rank:
            continue  # one of the two has been merged with another since
        ids[i], ids[j] = 512 + rank, -1
        after[i] = after[j]
        before[after[i]] = i
        for left in (before[i], i):
            pair = (ids[left], ids[after[left]]) if left >= 0 else (-1, -1)
            if pair in order:
                heappush(heap, (order[pair], left))
    return [token for token in ids if token >= 0]


def _byte_symbols() -> dict[int, str]:
    """The characters that stand for bytes in the list of merges, in the order of their tokens: printable Latin-1 is
    itself, the others are counted from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


BYTE_IDS = {byte: i for i, byte in enumerate(_byte_symbols())}


@cache
def ranks() -> dict[tuple[int, int], int]:
    """Pairs of tokens by their place in the list of merges; pair number r becomes token 512 + r."""
    symbols = _byte_symbols().values()
    ids = {s: i for i, s in enumerate([*symbols, *(s + WORD_END for s in symbols)])}
    table: dict[tuple[int, int], int] = {}
    for rank, line in enumerate(gzip.decompress(MERGES.read_bytes()).decode().splitlines()):
        first, second = line.split(" ")
        table[ids[first], ids[second]] = rank
        ids[first + second] = 512 + rank
    return table
