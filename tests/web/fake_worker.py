"""A worker without a process: every node is known, takes no time and shows a text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

from executor.worker.supervisor import Refused, Worker

OnEvent = Callable[[dict[str, Any], bytes], None]


class FakeWorker:
    """What the web process asks of executor.supervisor.Worker. `hold` cleared: jobs run until it is set."""

    def __init__(self) -> None:
        self.ready, self.restarts, self.pid = True, 0, 1
        self.hello: dict[str, Any] | None = {"pid": 1, "version": "0", "fingerprint": "fake"}
        self.hold: asyncio.Event | None = None
        self.cancelled: set[str] = set()
        self.asked: list[str] = []

    async def start(self) -> None: ...

    async def stop(self, grace: float = 10.0) -> None: ...

    async def wait_ready(self) -> None: ...

    def memory(self) -> int:
        return 1 << 20

    async def ask(self, do: str, *, payload: bytes = b"", timeout: float = 30.0, **given: Any) -> dict[str, Any]:
        self.asked.append(do)
        return getattr(self, f"_{do}")(payload, **given)

    def _prepare(
        self, payload: bytes, *, document: Any, name: str, targets: list[str] | None, sweep: Any = None
    ) -> dict[str, Any]:
        graph = _graph(document, payload, name)
        sound = [id for id in targets or graph if id in graph]
        plain: dict[str, Any] = {"workflow": None, "notes": [], "problems": [], "dependents": {}}
        return plain | {"graph": graph, "targets": sound, "unsound": []}

    def _convert(self, payload: bytes, *, document: Any, name: str, to: str | None) -> dict[str, Any]:
        return {"form": to or "workflow", "result": _graph(document, payload, name), "notes": []}

    def _describe(self, payload: bytes) -> dict[str, Any]:
        return {"nodes": {}, "menus": {}}

    def _stats(self, payload: bytes) -> dict[str, Any]:
        return {"python": "3", "torch": "", "devices": [], "rss": 1}

    def _free(self, payload: bytes, **given: Any) -> dict[str, Any]:
        return {}

    def _cancel(self, payload: bytes, *, job: str) -> dict[str, Any]:
        self.cancelled.add(job)
        return {}

    async def run(self, on_event: OnEvent, *, job: str, graph: Any, targets: list[str], **given: Any) -> dict[str, Any]:
        on_event({"event": "started", "targets": targets, "nodes": len(graph)}, b"")
        for id in targets:
            node = {"node": id, "type": graph[id]["class_type"], "parent": None}
            on_event({"event": "node_started", **node}, b"")
            if self.hold is not None:
                await self.hold.wait()
            done = {"event": "node_finished", "node": id, "ui": {"text": ["done"]}, "seconds": 0.0, "cached": False}
            on_event(done, b"")
        ended: dict[str, Any] = {"failed": [], "skipped": []}
        on_event({"event": "finished", "ok": True, **ended}, b"")
        return {"ok": True, "cancelled": job in self.cancelled, **ended}


def _graph(document: Any, payload: bytes, name: str) -> dict[str, Any]:
    """The document if it is a graph. Raises Refused."""
    try:
        graph = json.loads(payload) if payload else document
    except ValueError:
        graph = None
    nodes = graph.values() if isinstance(graph, dict) else [None]
    if not graph or not all(isinstance(n, dict) and isinstance(n.get("class_type"), str) for n in nodes):
        raise Refused("document", f"{name} is no graph")
    return graph


def fake_worker() -> Worker:
    return cast(Worker, FakeWorker())
