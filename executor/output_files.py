"""Files that nodes write: names with a counter below one root, and contents that appear whole or not at all."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as metadata_version
from pathlib import Path
from typing import Any, Protocol, cast

from executor.files import FileProblem, Files, contained
from executor.ledger import Claim
from executor.workflow import metadata, prompts

BATCH = "%batch_num%"


def texts(prompt: Mapping[str, Any] | None, extra: Mapping[str, Any] | None) -> dict[str, str]:
    """What a file tells of its making: its graph as `metadata.texts` has it, which version of us wrote it, and what
    the run gave under `mezzotint` (see `executor.making`)."""
    extra = extra or {}
    ours = {"version": version(), **(cast("Mapping[str, Any]", extra.get("mezzotint") or {}))}
    return metadata.texts(prompt, {**extra, "mezzotint": ours})


def version() -> str:
    """Ours, or that this is a checkout that is not installed."""
    try:
        return metadata_version("mezzotint")
    except PackageNotFoundError:
        return "checkout"


def fill(
    prefix: str, prompt: Mapping[str, Any] | None, now: datetime, width: int | None = None, height: int | None = None
) -> str:
    """A prefix with `%width%`, `%year%`, `%date:yyyy-MM-dd%`, `%Node.input%`... filled in; `%batch_num%` stays."""
    prefix = prompts.patterns(prefix, lambda node, name: _input(prompt or {}, node, name), now)
    values: dict[str, int | str | None] = {"width": width, "height": height, "year": now.year}
    values |= {name: f"{getattr(now, name):02}" for name in ("month", "day", "hour", "minute", "second")}
    for name, value in values.items():
        prefix = prefix if value is None else prefix.replace(f"%{name}%", str(value))
    return prefix


def _input(prompt: Mapping[str, Any], node: str, name: str) -> object | None:
    """An input of the node with this title, type or id, if it is no link."""
    for id, entry in prompt.items():
        meta = cast("Mapping[str, Any]", entry.get("_meta") or {})
        if node in (meta.get("title"), entry.get("class_type"), id):
            value = cast("object", entry.get("inputs", {}).get(name))
            if isinstance(value, str | int | float):
                return value
    return None


class Pieces(Protocol):
    """What is too large to be held: its length in bytes, and its bytes piece by piece."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes | memoryview]: ...


def save(
    files: Files, kind: str, prefix: str, extension: str, contents: Iterable[bytes | Pieces]
) -> list[dict[str, str]]:
    """Write each as `PREFIX_00001_.EXT`, counting on from the files there, and say where: what clients are told.

    prefix: may begin with folders, which are made. Nothing is ever overwritten, not by another process either.
    What an earlier run of the same job, which was killed, had saved already stays where it is (executor.ledger).
    Raises FileProblem if it leads out of the root or cannot be written; then no part of a file is left.
    """
    folder_name, _, stem = prefix.replace("\\", "/").rpartition("/")
    root = files.root(kind)
    folder = contained(root, folder_name)
    contained(root, prefix)
    saved: list[dict[str, str]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        count = _next(folder, stem)
        for i, data in enumerate(contents):
            claim = files.ledger.claim(data) if files.ledger else None
            if claim and claim.saved:
                saved.append(claim.saved)
                continue
            tell = _telling(claim, root, kind)
            path, count = _write(folder, stem.replace(BATCH, str(i)), count, extension, data, tell)
            saved.append(_place(path, root, kind))
    except OSError as error:
        raise FileProblem(f"{prefix!r} cannot be written to {root.name}/: {error.strerror or error}") from error
    return saved


def _place(path: Path, root: Path, kind: str) -> dict[str, str]:
    """Where a file is, as clients are told."""
    folder = Path(os.path.relpath(path.parent, root)).as_posix()
    return {"filename": path.name, "subfolder": "" if folder == "." else folder, "type": kind}


def _telling(claim: Claim | None, root: Path, kind: str) -> Callable[[Path, Path], None]:
    """What is to be told of an unfinished file and each name that is tried for it."""
    if claim is None:
        return lambda part, path: None
    return lambda part, path: claim.intend(part, path, _place(path, root, kind))


def _next(folder: Path, stem: str) -> int:
    """One more than the highest counter that a file of this stem has."""
    form = re.compile(re.escape(stem).replace(BATCH, r"\d+") + r"_(\d{1,18})_", re.IGNORECASE)
    found = (form.match(entry.name) for entry in os.scandir(folder))
    return 1 + max((int(m[1]) for m in found if m), default=0)


def _write(
    folder: Path, stem: str, count: int, extension: str, data: bytes | Pieces, tell: Callable[[Path, Path], None]
) -> tuple[Path, int]:
    """The file, and the next counter. tell: told of each name before it is tried."""
    part = folder / f".{uuid.uuid4().hex}.part"
    path = _numbered(folder, stem, count, extension)
    tell(part, path)
    try:
        with part.open("xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())  # some disks say only now that they are full
        while not claim(part, path):
            count += 1
            path = _numbered(folder, stem, count, extension)
            tell(part, path)
        return path, count + 1
    finally:
        part.unlink(missing_ok=True)


def _numbered(folder: Path, stem: str, count: int, extension: str) -> Path:
    return folder / f"{stem}_{count:05}_.{extension}"


def claim(part: Path, path: Path) -> bool:
    """Give a finished file its name, unless that is taken; it may keep the other one too. Raises OSError."""
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            return False
        try:
            part.replace(path)
        except OSError:
            path.unlink()
            raise
    return True
