"""Where the file of an embedding is. Without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from diffusion.prompt import pieces, weighted

ENDINGS = ("", ".safetensors", ".pt", ".bin")


def find(folders: Sequence[Path], name: str) -> Path | None:
    """The file that `name` means: a path below one of the folders, with or without its ending; else in a sub-folder.

    Names that lead out of the folders mean nothing.
    """
    relative = os.path.normpath(name.replace("\\", "/"))
    if not name or os.path.isabs(relative) or relative.split(os.sep)[0] in ("..", "."):
        return None
    places = (place for places in (_tops(folders), _below(folders)) for place in places)
    paths = (f"{place}{os.sep}{relative}{ending}" for place in places for ending in ENDINGS)
    return next((Path(p) for p in paths if os.path.isfile(p)), None)


def _tops(folders: Sequence[Path]) -> Iterator[str]:
    yield from map(str, folders)


def _below(folders: Sequence[Path]) -> Iterator[str]:
    for folder in folders:
        for root, inside, _ in os.walk(folder):
            inside.sort()
            if root != str(folder):
                yield root


def named(text: str, folders: Sequence[Path]) -> list[tuple[str, str, Path | None]]:
    """For each embedding that a prompt names: name, text after it, file (None: there is none)."""
    parts = (piece for segment, _ in weighted(text) for piece in pieces(segment))
    return [resolve(part.name, part.text, folders) for part in parts if part.name is not None]


def resolve(name: str, text: str, folders: Sequence[Path]) -> tuple[str, str, Path | None]:
    """Name, text after it, and file. Commas around a name belong to the text if no file has them in its name."""
    path = find(folders, name)
    bare = name.strip(",")
    if path is None and bare != name:
        return bare, "," * (len(name) - len(bare)) + text, find(folders, bare)
    return name, text, path


def state(text: str, folders: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """What changes if an embedding that a prompt names is exchanged: paths, sizes and times of the files."""
    paths = [path for _, _, path in named(text, folders) if path]
    return tuple((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in paths)
