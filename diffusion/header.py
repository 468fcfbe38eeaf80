"""What a model file says about itself before any tensor is read: names, dtypes, shapes, metadata. Without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

Shapes = Mapping[str, tuple[int, ...]]

HEADER_LIMIT = 100_000_000  # bytes; the format's own limit
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8, "C64": 64,
}  # fmt: skip


class ModelFileError(ValueError):
    """A file cannot be used as the model that was asked for; the message names the file, what it is and the remedy."""


@dataclass(frozen=True)
class Entry:
    """One stored tensor. `offset` is where its bytes begin in the file, None where only torch can find them."""

    dtype: str
    shape: tuple[int, ...]
    offset: int | None = None


@dataclass(frozen=True)
class Header:
    """The table of contents of a model file."""

    path: Path
    entries: Mapping[str, Entry]
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: entry.shape for name, entry in self.entries.items()}


def read_header(path: Path) -> Header:
    """The header of a safetensors file or of a torch pickle, told apart by content, or of all files of an index.

    Raises ModelFileError if the file is missing, truncated, damaged, or something else.
    """
    if path.is_dir():
        raise ModelFileError(f"{path.name} is a folder, not a model file")
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise ModelFileError(f"{path.name} cannot be read: {error.strerror or error}") from None
    if path.name.endswith(".json"):
        from diffusion.shards import is_index, read_index

        if is_index(path):
            return read_index(path)
    if is_pickle(start):
        from diffusion.pickled import read_pickle_header

        return read_pickle_header(path)
    return _read_safetensors(path, start)


def is_pickle(start: bytes) -> bool:
    """A torch zip archive, or the bare pickles that torch wrote before 1.6."""
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= HEADER_LIMIT:
        return False  # the length of a safetensors header may begin with the same bytes
    return start[:4] == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"))


def _read_safetensors(path: Path, start: bytes) -> Header:
    size = path.stat().st_size
    foreign = _foreign(start, size)
    if foreign:
        raise ModelFileError(f"{path.name} is {foreign}")
    length = int.from_bytes(start[:8], "little")
    if not 2 <= length <= HEADER_LIMIT or start[8:9] != b"{":
        raise ModelFileError(f"{path.name} is no model file: it is neither safetensors nor a torch checkpoint")
    if 8 + length > size:
        raise ModelFileError(f"{path.name} is truncated: its header alone is {length} bytes, the file {size}")
    with path.open("rb") as file:
        file.seek(8)
        raw = file.read(length)
    try:
        table = json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path.name} has a damaged header ({error}); get the file again") from None
    return _checked(path, cast("dict[str, Any]", table), 8 + length, size)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice")
    return table


def _checked(path: Path, table: dict[str, Any], data: int, size: int) -> Header:
    """The header, every entry of which lies in the file and is as long as its shape says."""
    metadata = table.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict):
        raise ModelFileError(f"{path.name} has a damaged header: its metadata is no table")
    entries: dict[str, Entry] = {}
    end = data
    for name, value in table.items():
        try:
            dtype, shape, (first, last) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
            sound = all(type(n) is int and n >= 0 for n in (*shape, first, last))
            if not sound or (last - first) * 8 != math.prod(shape) * BITS[dtype]:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise ModelFileError(f"{path.name} has a damaged header: the entry of {name!r} makes no sense") from None
        entries[name] = Entry(dtype, shape, data + first)
        end = max(end, data + last)
    if end > size:
        missing = end - size
        raise ModelFileError(f"{path.name} is truncated: {missing} of {end} bytes are missing; get the file again")
    texts = cast("dict[Any, Any]", metadata)
    return Header(path, entries, {k: v for k, v in texts.items() if isinstance(k, str) and isinstance(v, str)})


FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a git-lfs pointer, not the model: run `git lfs pull`, or download the file itself"),
    (b"GGUF", "a GGUF file, which is not supported; get the safetensors form of the model"),
    (b"\x89PNG", "a PNG picture, not a model"),
    (b"\xff\xd8\xff", "a JPEG picture, not a model"),
    (b"\x89HDF", "an HDF5 file, which is not supported; get the safetensors form of the model"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
)


def _foreign(start: bytes, size: int) -> str | None:
    """What a file is that is no model, in words; None if it may be one."""
    if not size:
        return "empty; get the file again"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page, not a model: the download was refused or needs a login; get the file again"
    if start[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    for magic, words in FOREIGN:
        if start.startswith(magic):
            return words
    if text.startswith((b"{", b"[")):
        return "a JSON text, not a model"
    if size < 10:
        return f"no model file: it has only {size} bytes"
    return None
