"""Graphs inside pictures: the texts of PNG, WebP and JPEG files, in and out. No pixel is decoded."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from executor.workflow.lenient import WorkflowError

PNG, GZIP_LIMIT = b"\x89PNG\r\n\x1a\n", 256 * 2**20
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"comf")
FIRST_TAG = 0x0110  # Model; further texts go into the tags below it
DIRECTORY, COMMENT = 0x8769, 0x9286  # of further tags; the one of them where A1111's WebUI writes its parameters


def read_texts(file: BinaryIO, name: str) -> dict[str, str]:
    """The texts of a picture by their keys, e.g. `prompt` and `workflow`; empty for a picture without any.

    Raises WorkflowError for what is no PNG, WebP or JPEG.
    """
    start = file.read(12)
    file.seek(0)
    if start.startswith(PNG):
        return dict(_png_texts(file))
    if start[:4] == b"RIFF" and start[8:] == b"WEBP":
        return _exif_texts(_webp_exif(file))
    if start.startswith(b"\xff\xd8"):
        return _exif_texts(_jpeg_exif(file))
    raise WorkflowError(f"{name}: no PNG, WebP or JPEG")


def is_picture(start: bytes) -> bool:
    """Whether a file that begins so is one that `read_texts` reads."""
    return start.startswith((PNG, b"\xff\xd8")) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def texts(prompt: Any, extra: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The texts of a picture that carries its graph, in order: `prompt`, then a key of `extra` each.

    Written to PNG as one tEXt chunk each; ASCII, so that any reader can read them.
    """
    values = {"prompt": prompt, **(extra or {})}
    return {key: json.dumps(value) for key, value in values.items() if value is not None}


def exif(texts: Mapping[str, str]) -> bytes:
    """The same texts as EXIF data for WebP and JPEG: `prompt:...` in tag 0x0110, the others in the tags below.

    A JPEG holds 65,533 bytes of it at most; Pillow says so when it saves.
    """
    from PIL import Image

    data = Image.Exif()
    for tag, (key, text) in zip(range(FIRST_TAG, 0, -1), texts.items(), strict=False):
        data[tag] = f"{key}:{text}"
    return data.tobytes()


# --- PNG -----------------------------------------------------------------------------------------


def _png_texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """The texts of all chunks, as far as the file goes: one that was cut off may still have its graph."""
    file.seek(len(PNG))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind not in TEXT_CHUNKS:
            file.seek(length + 4, io.SEEK_CUR)
            continue
        data = file.read(length)
        file.seek(4, io.SEEK_CUR)
        found = _png_text(kind, data) if len(data) == length else None
        if found:
            yield found


def _png_text(kind: bytes, data: bytes) -> tuple[str, str] | None:
    """The key and text of one chunk; None if it is damaged."""
    key, _, rest = data.partition(b"\0")
    try:
        if kind == b"zTXt":
            rest = _inflate(rest[1:])
        elif kind == b"iTXt":
            packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[2]
            return key.decode("latin-1"), (_inflate(rest) if packed else rest).decode("utf-8", "replace")
    except (zlib.error, IndexError):
        return None
    return key.decode("latin-1"), rest.decode("latin-1")


def _inflate(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, GZIP_LIMIT)


# --- EXIF ----------------------------------------------------------------------------------------


def _webp_exif(file: BinaryIO) -> bytes:
    """The EXIF chunk of a RIFF file."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        if kind == b"EXIF":
            return file.read(length)
        file.seek(length + (length & 1), io.SEEK_CUR)
    return b""


def _jpeg_exif(file: BinaryIO) -> bytes:
    """The EXIF segment before the picture's data."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] != 0xDA:
        length = struct.unpack(">H", head[2:])[0] - 2
        data = file.read(max(length, 0))
        if head[1] == 0xE1 and data.startswith(b"Exif\0\0"):
            return data
    return b""


def _exif_texts(data: bytes) -> dict[str, str]:
    """What is written as `key:text` in the tags of the first directory, the first tag first."""
    found = sorted(_tags(data.removeprefix(b"Exif\0\0")), reverse=True)
    result: dict[str, str] = {}
    for _, value in found:
        key, colon, text = value.decode("utf-8", "replace").rstrip("\0").partition(":")
        if colon and key.strip().isidentifier():
            known = key.strip().lower() in ("prompt", "workflow")
            result.setdefault(key.strip().lower() if known else key.strip(), text)
    comment = dict(_tags(data.removeprefix(b"Exif\0\0"), DIRECTORY)).get(COMMENT, b"")
    if comment.startswith(b"UNICODE\0"):
        result.setdefault("parameters", _utf16(comment[8:]))
    return result


def _utf16(data: bytes) -> str:
    """Text of either byte order, which the tag does not tell: most of it has its zeros on one side."""
    little = data[1::2].count(0) > data[::2].count(0)
    return data.decode("utf-16-le" if little else "utf-16-be", "replace").rstrip("\0")


def _tags(tiff: bytes, directory: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The texts of a TIFF structure by tag: of its first directory, or of the one to which a tag there leads.

    What lies outside the data is left out. Written out because Pillow's reader warns and guesses where data is damaged,
    and needs a picture around it.
    """
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if directory is not None:
        start = next((place for tag, place in _pointers(tiff, order, start) if tag == directory), len(tiff))
    yield from _directory(tiff, order, start)


def _pointers(tiff: bytes, order: str, start: int) -> Iterator[tuple[int, int]]:
    """The tags of a directory that hold one whole number, which may be the place of another directory."""
    for tag, kind, length, entry in _entries(tiff, order, start):
        if kind == 4 and length == 1:
            yield tag, struct.unpack_from(f"{order}I", tiff, entry + 8)[0]


def _entries(tiff: bytes, order: str, start: int) -> Iterator[tuple[int, int, int, int]]:
    """Tag, type, count and place of each entry of a directory."""
    if start + 2 > len(tiff):
        return
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        yield (*struct.unpack_from(f"{order}HHI", tiff, entry), entry)


def _directory(tiff: bytes, order: str, start: int) -> Iterator[tuple[int, bytes]]:
    """The texts of one directory by their tags."""
    for tag, kind, length, entry in _entries(tiff, order, start):
        (place,) = struct.unpack_from(f"{order}I", tiff, entry + 8)
        place = entry + 8 if length <= 4 else place
        if kind in (1, 2, 7) and place + length <= len(tiff):  # bytes, text, anything
            yield tag, tiff[place : place + length]
