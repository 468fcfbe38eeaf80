"""The language of prompts, against a plain recursive reading of its rules."""

import math
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffusion.prompt import Chunk, Piece, chunks, pieces, weighted
from diffusion.tokenizer import END, START

Segments = list[tuple[str, float]]


def groups(text: str) -> Iterator[str]:
    """The parts of a text: from each bracket that opens at depth 0 to its partner, and what is between."""
    part, depth = "", 0
    for letter in text:
        if letter == "(":
            if depth == 0:
                yield part
                part = ""
            depth += 1
        part += letter
        if letter == ")":
            depth -= 1
            if depth == 0:
                yield part
                part = ""
    yield part


def read(text: str, weight: float) -> Segments:
    found: Segments = []
    for part in filter(None, groups(text)):
        if not (len(part) > 1 and part[0] == "(" and part[-1] == ")"):
            found.append((part, weight))
            continue
        inner, new = part[1:-1], weight * 1.1
        colon = inner.rfind(":")
        if colon > 0:
            with suppress(ValueError):
                inner, new = inner[:colon], float(inner[colon + 1 :])
        found += read(inner, new)
    return found


def plain(text: str) -> Segments:
    escaped = text.replace("\\(", "\0").replace("\\)", "\1")
    return [(s.replace("\0", "(").replace("\1", ")"), w) for s, w in read(escaped, 1.0)]


@given(st.text("ab() :.12\\-", max_size=40))
def test_weights_are_those_of_a_recursive_reading(text: str):
    assert weighted(text) == plain(text)


@given(st.text("a()", max_size=30))
def test_brackets_of_any_pairing(text: str):
    assert weighted(text) == plain(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a (b:1.3) (c)", [("a ", 1.0), ("b", 1.3), (" ", 1.0), ("c", 1.1)]),
        ("(a (b:0.5) c:2)", [("a ", 2.0), ("b", 0.5), (" c", 2.0)]),
        (r"\(a\) (b\):1.2)", [("(a) ", 1.0), ("b)", 1.2)]),
        ("(a: 1e-1 )", [("a", 0.1)]),
        ("(:1.4)", [(":1.4", 1.1)]),
        ("[a] {b}", [("[a] {b}", 1.0)]),
        ("a (b", [("a ", 1.0), ("(b", 1.0)]),
        ("a) (b) (c) d", [("a) (b) (c) d", 1.0)]),
        ("", []),
    ],
)
def test_examples(text: str, expected: Segments):
    assert weighted(text) == [(s, pytest.approx(w)) for s, w in expected]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        ")" * 100_000,
        "(" * 100_000 + "a" + ")" * 100_000,
        "(" * 100_000 + "a" + ")" * 99_999,
        "(a" * 100_000 + ":1.1)" * 100_000,
        ")(" * 100_000,
        "(a" * 100_000 + ")" * 50_000,
    ],
    ids=["open", "close", "nested", "one missing", "weighted", "crossed", "half"],
)
@pytest.mark.timeout(30)  # quadratic time would be minutes
def test_a_hundred_thousand_brackets_take_linear_time(text: str):
    found = weighted(text)
    assert sum(len(s) for s, _ in found) <= len(text)


def test_nesting_multiplies():
    [(text, weight)] = weighted("((((a))))")
    assert (text, weight) == ("a", pytest.approx(1.1**4))
    assert math.isinf(weighted("(" * 10_000 + "a" + ")" * 10_000)[0][1])


def test_embeddings_stand_after_a_space_or_a_newline():
    assert pieces("a embedding:x b\nembedding:y, c") == [Piece(None, "a"), Piece("x", " b"), Piece("y,", " c")]
    assert pieces("embedding:x") == [Piece(None, ""), Piece("x", "")]
    assert pieces("noembedding:x Embedding:y") == [Piece(None, "noembedding:x Embedding:y")]


GROUPS = st.lists(st.lists(st.tuples(st.integers(0, 400), st.floats(0.1, 2)), max_size=100), max_size=8)


def inner(chunk: Chunk) -> Chunk:
    return chunk[1 : [token for token, _ in chunk].index(END)]


@given(GROUPS)
def test_chunks_hold_every_token_in_order(given_groups: list[Chunk]):
    packed = chunks(given_groups, 0)
    assert all(len(chunk) == 77 and chunk[0] == (START, 1.0) for chunk in packed)
    assert [entry for chunk in packed for entry in inner(chunk)] == [entry for group in given_groups for entry in group]


@given(GROUPS)
def test_only_groups_of_eight_or_more_are_cut(given_groups: list[Chunk]):
    numbered: list[Chunk] = [[(i, w) for _, w in group] for i, group in enumerate(given_groups)]
    places: dict[int, set[int]] = {}
    for place, chunk in enumerate(chunks(numbered, 999)):
        for token, _ in inner(chunk):
            places.setdefault(int(token), set()).add(place)  # type: ignore[arg-type]
    assert all(len(found) == 1 or len(numbered[i]) >= 8 for i, found in places.items())


def test_padding_weighs_one():
    [chunk] = chunks([[(5, 1.5)]], 0)
    assert chunk[:4] == [(START, 1.0), (5, 1.5), (END, 1.0), (0, 1.0)]
