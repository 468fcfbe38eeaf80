"""Which node a process is at, in a file that tells it when the process was killed there."""

from __future__ import annotations

import mmap
from pathlib import Path

SIZE = 4096  # bytes of the file: two of length, then the node and its type


class Place:
    """Writing it is a copy in memory, which the system keeps whatever becomes of this process."""

    def __init__(self, path: Path):
        self._map: mmap.mmap | bytearray
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w+b") as file:
            file.truncate(SIZE)
            try:
                self._map = mmap.mmap(file.fileno(), SIZE)
            except OSError:  # a file system that cannot; then nobody is told
                self._map = bytearray(SIZE)

    def at(self, node: str, type_: str) -> None:
        """The process is at this node from now on."""
        text = f"{node}\0{type_}".encode("utf-8", "replace")[: SIZE - 2]
        self._map[: len(text) + 2] = len(text).to_bytes(2, "big") + text

    def nowhere(self) -> None:
        """The process computes nothing any more."""
        self._map[:2] = b"\0\0"


def where(path: Path) -> tuple[str, str] | None:
    """The node and its type at which the process that wrote the file is, or was when it ended."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    text = data[2 : 2 + int.from_bytes(data[:2], "big")].decode("utf-8", "replace")
    node, _, type_ = text.partition("\0")
    return (node, type_) if node else None
