"""What is in files, in a few letters: their SHA-256, each file read once."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

PIECE = 1 << 22


class Hashes:
    """The hashes of files, remembered with size and time of change in `hashes.json` of a folder (None: nowhere).

    Several processes may share the folder; one that writes at the same moment as another forgets a hash at most.
    """

    def __init__(self, folder: Path | None):
        self._memo = folder / "hashes.json" if folder else None
        self._known: dict[str, list[object]] | None = None  # by path: size, time of change, hash

    def known(self, path: Path) -> str | None:
        """The hash of a file that was read before and has not changed since."""
        if self._known is None:
            self._known = self._remembered()
        entry = self._known.get(str(path.absolute()))
        return str(entry[2]) if entry and entry[:2] == _state(path) else None

    def of(self, path: Path, stop: Callable[[], bool] = lambda: False) -> str | None:
        """The hash in lower-case hexadecimal; None where `stop` said so in between. Raises OSError."""
        if known := self.known(path):
            return known
        state, digest = _state(path), hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                if stop():
                    return None
                digest.update(piece)
        found = digest.hexdigest()
        self._known = {**self._remembered(), str(path.absolute()): [*state, found]}
        self._write()
        return found

    def _remembered(self) -> dict[str, list[object]]:
        """What the file holds. One that is damaged holds nothing, since all of it can be found out again."""
        with suppress(OSError, ValueError):
            entries: Any = json.loads(self._memo.read_bytes()) if self._memo else None
            found = cast("dict[str, Any]", entries) if isinstance(entries, dict) else {}
            return {path: entry for path, entry in found.items() if _is_entry(entry)}
        return {}

    def _write(self) -> None:
        """Keep what is known; a full disk costs no more than reading the files again."""
        if self._memo is None:
            return
        part = self._memo.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with suppress(OSError):
                self._memo.parent.mkdir(parents=True, exist_ok=True)
                part.write_text(json.dumps(self._known, indent=0), encoding="utf-8")
                os.replace(part, self._memo)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _is_entry(value: Any) -> bool:
    return isinstance(value, list) and len(cast("list[Any]", value)) == 3


def _state(path: Path) -> list[object]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]
