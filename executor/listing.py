"""The files below a folder, remembered by directory: to list thousands again costs one `stat` a directory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SETTLED = 2_000_000_000  # nanoseconds; the coarsest clock of a file system (FAT)


@dataclass(frozen=True, slots=True)
class _Directory:
    changed: int
    files: tuple[str, ...]
    folders: tuple[str, ...]
    links: tuple[str, ...]  # what they lead to may change without a trace here


# Holds only what a fresh look at the disk would give again, so it may be shared by all who ask.
_known: dict[str, _Directory] = {}


def walk(place: Path | str) -> Iterator[tuple[str, list[str]]]:
    """Each folder from `place` down, relative with `/` ("" first), and its files. Links are followed, each
    folder once, so a link to a parent ends; what cannot be read is left out."""
    seen: set[tuple[int, int]] = set()
    waiting = [(os.fspath(place), "")]
    while waiting:
        path, relative = waiting.pop()
        try:
            stat = os.stat(path)
            if (stat.st_dev, stat.st_ino) in seen:
                continue
            seen.add((stat.st_dev, stat.st_ino))
            directory = _read(path, stat.st_mtime_ns)
        except OSError:
            continue
        linked = {name: os.path.isdir(os.path.join(path, name)) for name in directory.links}
        folders = [*directory.folders, *(name for name, folder in linked.items() if folder)]
        yield relative, [*directory.files, *(name for name, folder in linked.items() if not folder)]
        prefix = f"{relative}/" if relative else ""
        waiting += [(os.path.join(path, name), prefix + name) for name in sorted(folders, reverse=True)]


def _read(path: str, changed: int) -> _Directory:
    known = _known.get(path)
    if known is not None and known.changed == changed:
        return known
    settled = time.time_ns() - changed > SETTLED  # else a change right after this look may not show in `changed`
    files, folders, links = list[str](), list[str](), list[str]()
    with os.scandir(path) as entries:
        for entry in entries:
            kind = links if entry.is_symlink() else folders if entry.is_dir() else files
            kind.append(entry.name)
    found = _Directory(changed, tuple(files), tuple(folders), tuple(links))
    if settled:
        _known[path] = found
    else:
        _known.pop(path, None)
    return found
