"""Which files a job saves, so that it saves none twice when it is run again after its process was killed.

Before a file gets its name, a line says so: which node, the how manieth file of it, the unfinished file, the name, and
the digest of what it holds. What a killed process had done follows from these lines and the files that are there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

_PART = re.compile(r"\.[0-9a-f]{32}\.part")
LENGTH = "length "
_PLAIN = re.compile(r"[0-9a-z_-]{1,64}")  # names that no file system takes for another one


@dataclass(frozen=True)
class _Intent:
    """A line: that a file was about to be saved."""

    node: str
    turn: int  # among the files of the node
    digest: str
    part: str
    path: str
    place: dict[str, str]  # as clients are told: filename, subfolder, type


@dataclass(frozen=True)
class Claim:
    """A file that a node has to save. saved: where it is already; then nothing is to be done."""

    saved: dict[str, str] | None
    intend: Callable[[Path, Path, dict[str, str]], None]  # told of an unfinished file and each name before it is tried


@dataclass
class Page:
    """What one node saves in one run."""

    node: str
    left: dict[int, _Intent]  # what an earlier run of the job saved of it, until it is asked for
    write: Callable[[_Intent], None]
    turn: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, data: bytes | Sized) -> Claim:
        """The next file of the node. It is saved already if an earlier run had saved these bytes for the node; or in
        its place others, since what a node makes need not be the same to the last bit.

        Of what is no bytes yet, since it is too large to be held, only the length counts."""
        digest = _digest(data)
        with self.lock:
            turn, self.turn = self.turn, self.turn + 1
            same = [t for t, intent in self.left.items() if intent.digest == digest]
            found = self.left.pop(turn if turn in same or not same else same[0], None)

        def intend(part: Path, path: Path, place: dict[str, str]) -> None:
            self.write(_Intent(self.node, turn, digest, str(part), str(path), place))

        return Claim(found.place if found else None, intend)


class Ledger:
    """The lines of one job."""

    def __init__(self, base: Path, job: str):
        """Finds out what an earlier run of the job saved, and removes what it left unfinished."""
        self._path = _path(base, job)
        self._lock = threading.Lock()
        self._saved: dict[str, dict[int, _Intent]] = {}
        files: dict[str, _Intent] = {}
        for intent in _intents(self._path):
            if _settle(intent):
                files[intent.path] = intent  # the last who meant to have this name got it
        for intent in files.values():
            self._saved.setdefault(intent.node, {})[intent.turn] = intent

    def of(self, node: str) -> Page:
        """The page of a node, for one run of it."""
        return Page(node, dict(self._saved.get(node, {})), self._write)

    def _write(self, intent: _Intent) -> None:
        line = json.dumps(asdict(intent)).encode()
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                os.write(descriptor, b"\n" + line)  # the end before it may be missing
            finally:
                os.close(descriptor)


def forget(base: Path, job: str) -> None:
    """A job is recorded as finished: nothing of it will run again."""
    _forget(_path(base, job))


def sweep(base: Path, keep: Iterable[str]) -> None:
    """Forget every job but these."""
    kept = {_path(base, job) for job in keep}
    for path in (base / "cache" / "saving").glob("*.jsonl"):
        if path not in kept:
            _forget(path)


def _forget(path: Path) -> None:
    for intent in _intents(path):
        _settle(intent)
    with suppress(OSError):
        path.unlink()


def _path(base: Path, job: str) -> Path:
    name = job if _PLAIN.fullmatch(job) else f"={hashlib.sha256(job.encode('utf-8', 'surrogatepass')).hexdigest()}"
    return base / "cache" / "saving" / f"{name}.jsonl"


def _intents(path: Path) -> Iterator[_Intent]:
    """The lines, but for one that a kill cut off."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, TypeError):
            intent = _Intent(**json.loads(line))
            if _PART.fullmatch(Path(intent.part).name):  # else it is none of our lines
                yield intent


def _settle(intent: _Intent) -> bool:
    """Whether the file was saved. If its unfinished one is still there, it is removed."""
    part, path = Path(intent.part), Path(intent.path)
    try:
        if not part.exists():
            return _holds(path, intent.digest)
        saved = path.exists() and (path.samefile(part) or _is_reserved(path, part, intent.digest))
        part.unlink(missing_ok=True)
    except OSError:
        return False
    return saved


def _is_reserved(path: Path, part: Path, digest: str) -> bool:
    """Whether the name was just taken, empty as yet, on a file system without links; then the file is given it."""
    if path.stat().st_size or not _holds(part, digest):
        return False
    part.replace(path)
    return True


def _holds(path: Path, digest: str) -> bool:
    if digest.startswith(LENGTH):
        return path.is_file() and f"{LENGTH}{path.stat().st_size}" == digest
    return path.is_file() and _digest(path.read_bytes()) == digest


def _digest(data: bytes | Sized) -> str:
    if not isinstance(data, bytes):
        return f"{LENGTH}{len(data)}"
    return hashlib.blake2b(data, digest_size=20).hexdigest()
