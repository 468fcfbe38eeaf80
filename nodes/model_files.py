"""What is known of a model file before a run: whether it is what a loader opens, its sizes, its state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusion
from executor.files import FileProblem, Files
from executor.types import Fact, Facts


def state(files: Files, folder: str, name: str) -> Any:
    """What the result of a loader depends on beside its inputs: the file as it is now, and the chosen precision."""
    path = files.model(folder, name)
    return (*_signature(path), repr(diffusion.settings.current()))


def _signature(path: Path) -> tuple[Any, ...]:
    inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return tuple((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in inside)


def problem(check: Callable[[], object]) -> str | None:
    """What is wrong with a file, in words. A missing one is the menu's affair."""
    try:
        check()
    except FileProblem:
        return None
    except diffusion.header.ModelFileError as error:
        return str(error)
    return None


def told(find: Callable[[], dict[str, int]], source: str) -> dict[str, Fact]:
    """The sizes that a header tells; none if it cannot be read, which the validator says."""
    try:
        return {name: Fact(value, source) for name, value in find().items() if value}
    except (FileProblem, diffusion.header.ModelFileError):
        return {}


def only(facts: dict[str, Fact], *names: str) -> Facts:
    return {name: facts[name] for name in names if name in facts}
