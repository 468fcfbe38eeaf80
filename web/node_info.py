"""What the nodes are, for clients: as the worker describes them, or did for the same code while it is not ready."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from executor.files import FileProblem, Files
from executor.fingerprint import fingerprint
from executor.worker.supervisor import Worker, WorkerLost

PATIENCE = 3.0  # seconds that a busy worker has, where an earlier answer of it is known
FIRST = 120.0  # seconds that it has where none is


@dataclass(frozen=True)
class _Described:
    """menus: node -> input -> the models folder that its menu lists."""

    nodes: dict[str, Any]
    menus: dict[str, dict[str, str]]


class NodeInfo:
    """The standard's `/object_info`. It is kept in a file whose name tells the code that it is of."""

    def __init__(self, files: Files, worker: Worker, path: Path | None = None):
        """path: of the file, in place of `cache/nodes-FINGERPRINT.json`."""
        self._files, self._worker, self._path = files, worker, path
        self._known: _Described | None = None
        self._looked = False  # into the file
        self._asking: asyncio.Task[_Described] | None = None

    async def all(self) -> dict[str, Any]:
        """Every node, its menus as they are now. Raises WorkerLost or TimeoutError if nothing is known as yet."""
        if not self._looked:
            self._known = self._known or await asyncio.to_thread(_read, self._path or self._named(fingerprint()))
            self._looked = True
        if self._worker.ready or self._known is None:
            with suppress(*((WorkerLost, TimeoutError) if self._known else ())):
                return (await self._described()).nodes
        assert self._known
        return await asyncio.to_thread(_refilled, self._known, self._files)

    async def get(self, name: str) -> dict[str, Any] | None:
        """One node, if there is one of that name."""
        return (await self.all()).get(name)

    async def _described(self) -> _Described:
        """What the worker says now; whoever asks meanwhile gets the same answer."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(lambda task: task.cancelled() or task.exception())  # perhaps nobody waits
        return await asyncio.shield(self._asking)

    async def _ask(self) -> _Described:
        described = _Described(**await self._worker.ask("describe", timeout=PATIENCE if self._known else FIRST))
        if described != self._known:
            self._known = described
            code = (self._worker.hello or {}).get("fingerprint", "")
            await asyncio.to_thread(_write, self._path or self._named(code), described)
        return described

    def _named(self, code: str) -> Path:
        return self._files.base / "cache" / f"nodes-{code}.json"


def _read(path: Path) -> _Described | None:
    """What the file holds, if it is there and whole."""
    try:
        found = json.loads(path.read_bytes())
        return _Described(found["nodes"], found["menus"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(path: Path, described: _Described) -> None:
    """Keep it, and nothing of other code. That it cannot be kept costs only time at the next start."""
    part = path.with_name(f"{path.name}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(vars(described)))
        os.replace(part, path)
        for other in path.parent.glob("nodes-*"):
            if other != path:
                other.unlink()


def _refilled(known: _Described, files: Files) -> dict[str, Any]:
    """The nodes with the menus of models folders as they are now."""
    names: dict[str, list[str]] = {}
    for folder in {folder for inputs in known.menus.values() for folder in inputs.values()}:
        with suppress(FileProblem):
            names[folder] = files.names(folder)
    nodes = dict(known.nodes)
    for name, inputs in known.menus.items():
        lists = {i: names[folder] for i, folder in inputs.items() if folder in names}
        nodes[name] = {**nodes[name], "input": _with_lists(nodes[name]["input"], lists)}
    return nodes


def _with_lists(sections: Mapping[str, Any], lists: Mapping[str, list[str]]) -> dict[str, Any]:
    def given(name: str, described: Any) -> Any:
        return [lists[name], *described[1:]] if name in lists and isinstance(described[0], list) else described

    return {section: {name: given(name, i) for name, i in inputs.items()} for section, inputs in sections.items()}
