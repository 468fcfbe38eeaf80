"""Frames come out of a pipe as they went in, however it cuts them."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.worker.frames import BrokenStream, Frame, Parser, pack, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FRAMES = st.lists(st.tuples(st.dictionaries(st.text(), JSON, max_size=3), st.binary(max_size=50)), max_size=5)


@given(FRAMES, st.lists(st.integers(1, 40), max_size=200))
def test_whatever_the_pieces(frames: list[tuple[dict[str, object], bytes]], cuts: list[int]):
    data = b"".join(pack(*frame) for frame in frames)
    parser, heard, start = Parser(), list[Frame](), 0
    for size in [*cuts, len(data)]:
        heard += parser.feed(data[start : start + size])
        start += size
    assert heard == [Frame(*frame) for frame in frames]


@given(FRAMES)
def test_a_stream_is_read_frame_by_frame(frames: list[tuple[dict[str, object], bytes]]):
    stream = io.BytesIO(b"".join(pack(*frame) for frame in frames))
    assert [read(stream) for _ in frames] == [Frame(*frame) for frame in frames]
    assert read(stream) is None


@pytest.mark.parametrize("left", [1, 7, 8, 12, 20])
def test_a_stream_that_ends_within_a_frame(left: int):
    assert read(io.BytesIO(pack({"a": 1}, b"payload")[:left])) is None


def test_the_layout_of_a_frame():
    assert pack({"a": "é"}, b"xyz") == b'\0\0\0\x0e\0\0\0\3{"a":"\\u00e9"}xyz'


@pytest.mark.parametrize("text", [b"hello!!!", b"[1, 2]", b"\xff\xfe"])
def test_what_is_no_frame(text: bytes):
    data = len(text).to_bytes(4, "big") + b"\0\0\0\0" + text
    with pytest.raises(BrokenStream, match="no frame"):
        read(io.BytesIO(data))
    with pytest.raises(BrokenStream, match="no frame"):
        list(Parser().feed(data))


@pytest.mark.parametrize("text", [b"Hello, I am a library", b"\xff" * 8])
def test_text_is_not_taken_for_a_huge_frame(text: bytes):
    with pytest.raises(BrokenStream, match="larger than any"):
        read(io.BytesIO(text))
    with pytest.raises(BrokenStream, match="larger than any"):
        list(Parser().feed(text))


def test_values_that_json_lacks_become_text():
    assert json.loads(pack({"a": {1j}})[8:]) == {"a": "{1j}"}
    with pytest.raises(TypeError):
        pack({"a": {(1, 2): 3}})
