"""What crosses the pipes between the web process and the worker: a JSON object and some bytes to each frame."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple, cast

_SIZES = struct.Struct(">II")  # of the header and the payload, in bytes
LARGEST = 2**29 - 1  # bytes of either; of text that is no frame, the first bytes tell of more

_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode


class Frame(NamedTuple):
    """One message; `payload` is what JSON cannot hold, such as a picture."""

    header: dict[str, Any]
    payload: bytes = b""


class BrokenStream(ValueError):
    """What came through the pipe is no frame."""


def pack(header: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """A frame as bytes. Values that JSON lacks become text. Raises TypeError or ValueError for what has no text."""
    text = _encode(header).encode()
    if max(len(text), len(payload)) > LARGEST:
        raise ValueError("a frame holds 512 MB at most")
    return b"".join((_SIZES.pack(len(text), len(payload)), text, payload))


class Parser:
    """Puts frames together from the pieces in which a pipe delivers them."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with this piece. Raises BrokenStream."""
        self._data += data
        done = 0
        try:
            while len(self._data) - done >= _SIZES.size:
                header, payload = _checked(*_SIZES.unpack_from(self._data, done))
                start = done + _SIZES.size
                end = start + header + payload
                if end > len(self._data):
                    break
                text = self._data[start : start + header]
                done = end
                yield Frame(_object(text), bytes(self._data[end - payload : end]) if payload else b"")
        finally:
            del self._data[:done]


def read(stream: IO[bytes]) -> Frame | None:
    """The next frame, waiting for it; None where the stream ends, be it in the middle of one. Raises BrokenStream."""
    sizes = stream.read(_SIZES.size)
    if len(sizes) < _SIZES.size:
        return None
    header, payload = _checked(*_SIZES.unpack(sizes))
    text, data = stream.read(header), stream.read(payload)
    return Frame(_object(text), data) if len(text) + len(data) == header + payload else None


def _checked(header: int, payload: int) -> tuple[int, int]:
    if max(header, payload) > LARGEST:
        raise BrokenStream("no frame, since it would be larger than any")
    return header, payload


def _object(text: bytes | bytearray) -> dict[str, Any]:
    try:
        value: object = json.loads(text.decode())
    except ValueError as error:
        raise BrokenStream(f"no frame, since its header is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise BrokenStream("no frame, since its header is no JSON object")
    return cast("dict[str, Any]", value)
