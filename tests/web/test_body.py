"""Reading JSON from outside: what is let through, and what is refused before it costs memory or stack."""

import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from web.body import parse
from web.config import Limits

LIMITS = Limits(depth=20, nodes=100)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def refusal(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(web.HTTPBadRequest) as caught:
        parse(data, limits)
    error = json.loads(caught.value.text or "")["error"]
    assert error["type"] == "invalid_json"
    return error["message"]


@given(ANY)
def test_every_json_within_the_limits_is_read_as_it_is(value: Any):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        try:
            data = text.encode()
        except UnicodeEncodeError:
            continue
        assert parse(data, LIMITS) == value


def nested(depth: int) -> bytes:
    return b'{"a":[' * (depth // 2) + b'"]"' + b"]}" * (depth // 2)


def test_depth_is_bounded_exactly():
    assert parse(nested(20), LIMITS)
    assert "deeper than 20" in refusal(nested(22))


def test_depth_is_checked_before_anything_is_built():
    assert "deeper" in refusal(b"[" * 1_000_000, Limits(depth=100))
    assert "lists and objects" in refusal(b"[" * 10_000_000, Limits(depth=100))


@pytest.mark.parametrize("text", [r'"[[[["', r'"\"[[[["', r'"\\\"[[[["', r'"{\\"', r'{"[{\\\"{": "]"}'])
def test_brackets_in_strings_do_not_count(text: str):
    assert parse(text.encode(), Limits(depth=1)) == json.loads(text)


@given(st.lists(st.text(alphabet='[]{}"\\a', max_size=8), max_size=8))
def test_any_string_hides_its_brackets(texts: list[str]):
    assert parse(json.dumps(texts).encode(), Limits(depth=1)) == texts


@given(st.text(alphabet='[]{}"\\a:, 1', max_size=60))
def test_nothing_malformed_is_worse_than_a_refusal(text: str):
    with suppress(web.HTTPBadRequest):
        parse(text.encode(), LIMITS)


def test_many_small_containers_are_refused_before_they_are_built():
    tracemalloc.start()
    assert "more than 4,000" in refusal(b"[" + b"[]," * 100_000 + b"0]")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "the body is empty"),
        (b'{"a": 1,}', "line 1 column"),
        (b"\xff\xfe{}", "not UTF-8: the byte at 0"),
        (b'"' + b"\xed\xa0\x80" + b'"', "not UTF-8"),
        (rb'{"a": "\ud800"}', "half a surrogate pair"),
        (rb'{"\udc00": 1}', "half a surrogate pair"),
        (b"1" * 5_000, "4,300 digits"),
        (b"{} {}", "Extra data"),
    ],
)
def test_the_message_says_what_is_wrong(data: bytes, why: str):
    assert why in refusal(data)


def test_what_files_of_the_field_have_is_tolerated():
    assert str(parse(b"[NaN, -Infinity]", LIMITS)) == "[nan, -inf]"
    assert parse(b'{"a": 1, "a": 2}', LIMITS) == {"a": 2}
    assert parse(b"\xef\xbb\xbf{}", LIMITS) == {}
    assert parse(rb'"\ud83d\ude00"', LIMITS) == "\U0001f600"
