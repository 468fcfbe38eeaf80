"""A short text that changes when our code does."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

CODE = ("nodes", "executor", "diffusion")  # what descriptions of nodes follow from


def fingerprint(packages: Iterable[str] = CODE) -> str:
    """Of the path, size and time of every Python file of these packages and modules, none of which is imported."""
    marks: list[str] = []
    for path in sorted(path for name in set(packages) for path in _sources(name)):
        state = path.stat()
        marks.append(f"{path}\0{state.st_size}\0{state.st_mtime_ns}")
    return hashlib.sha256("\n".join(marks).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _sources(name: str) -> Iterator[Path]:
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:  # a package above it is missing
        return
    if spec is None:
        return
    for place in spec.submodule_search_locations or ():
        yield from Path(place).resolve().rglob("*.py")
    if not spec.submodule_search_locations and spec.origin and spec.has_location:
        yield Path(spec.origin).resolve()
