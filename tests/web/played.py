"""A dispatcher with a real queue, and a worker that plays what a test wrote."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from executor import events
from executor.files import Files
from executor.jobs import Job, Jobs
from web.config import Config
from web.dispatch import Dispatcher
from web.metrics import Metrics
from web.stream.feed import Feed
from web.stream.hub import Hub

Say = Callable[..., None]
Script = Callable[["Player", Say], Awaitable[dict[str, Any]]]

OK: dict[str, Any] = {"ok": True, "cancelled": False, "failed": [], "skipped": []}
CANCELLED = {**OK, "ok": False, "cancelled": True}
GRAPH = {"1": {"class_type": "Load", "inputs": {}}, "2": {"class_type": "Show", "inputs": {"image": ["1", 0]}}}
PICTURE = {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}


def as_json(event: events.Event) -> dict[str, Any]:
    """An event as it comes through the pipe."""
    return json.loads(json.dumps(events.to_json(event)))


def plays(*said: events.Event, reply: dict[str, Any] = OK) -> Script:
    """A run that tells these events at once."""

    async def script(player: Player, say: Say) -> dict[str, Any]:
        for event in said:
            say(event)
        return reply

    return script


def fails(error: Exception, *said: events.Event) -> Script:
    """A run that tells these events, and then raises."""

    async def script(player: Player, say: Say) -> dict[str, Any]:
        await plays(*said)(player, say)
        raise error

    return script


def whole_run() -> list[events.Event]:
    """Of GRAPH, nothing cached."""
    return [
        events.Started(("2",), 2),
        events.NodeStarted("1", "Load"),
        events.NodeFinished("1", None, 0.5, 10),
        events.NodeStarted("2", "Show"),
        events.Progressed("2", 1, 2),
        events.Progressed("2", 2, 2),
        events.NodeFinished("2", PICTURE, 0.25, 20),
        events.Finished((), (), 0.75),
    ]


class Player:
    """The worker: each run plays the next script, the last one for ever."""

    ready = True

    def __init__(self, *scripts: Script):
        self.scripts = list(scripts)
        self.requests: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.cancelled = asyncio.Event()

    async def wait_ready(self) -> None:
        pass

    async def run(self, on_event: Callable[[dict[str, Any], bytes], None], **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        return await script(self, lambda event, payload=b"": on_event(as_json(event), payload))

    async def ask(self, do: str, *, timeout: float = 30.0, **arguments: Any) -> dict[str, Any]:
        self.asked.append((do, arguments))
        self.cancelled.set()
        return {}


class Heard(Hub):
    """Remembers every message, and in which state its job was then."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self.jobs = jobs
        self.all: list[tuple[str | None, str, dict[str, Any], str | None]] = []

    def watched(self, sid: str | None) -> bool:
        return True

    def send(self, sid: str | None, type: str, data: Mapping[str, Any], *, latest: str | None = None) -> None:
        job = self.jobs.get(data["prompt_id"]) if "prompt_id" in data else None
        self.all.append((sid, type, dict(data), job and job.state))
        super().send(sid, type, data, latest=latest)

    def of(self, sid: str | None, *leave: str) -> list[tuple[str, dict[str, Any]]]:
        """What the client of that id was told, but for some types and the timestamps."""
        return [
            (t, {k: v for k, v in d.items() if k != "timestamp"})
            for s, t, d, _ in self.all
            if s == sid and t not in leave
        ]

    def types(self, sid: str | None) -> list[str]:
        return [type for type, _ in self.of(sid)]


class Stage:
    """All that a dispatcher needs."""

    def __init__(self, base: Path, player: Player, hub: Callable[[Jobs], Hub] | None = None, **config: Any):
        self.base, self.worker = base, player
        self.config, self.files = Config(base, **config), Files(base)
        self.jobs = Jobs.open(base / "mezzotint.db")
        self.hub: Any = (hub or Heard)(self.jobs)
        self.feed, self.metrics = Feed(), Metrics()
        worker: Any = player
        self.dispatcher = Dispatcher(self.config, self.files, self.jobs, worker, self.hub, self.feed, self.metrics)

    def add(self, **more: Any) -> Job:
        job, _ = self.jobs.add(more.pop("graph", GRAPH), more.pop("targets", ["2"]), **{"client_id": "me", **more})
        self.dispatcher.changed()
        self.dispatcher.wake()
        return job

    async def ended(self, job: Job) -> Job:
        """The job when it is over and all is told."""
        await until(lambda: (found := self.jobs.get(job.id)) and found.finished and self.dispatcher.live is None)
        found = self.jobs.get(job.id)
        assert found is not None
        return found

    def durable(self, job: Job) -> list[tuple[str, dict[str, Any]]]:
        return [(type, data) for _, type, data in self.jobs.events_after(job.id, 0)]


@asynccontextmanager
async def staged(base: Path, *scripts: Script, start: bool = True, **config: Any) -> AsyncIterator[Stage]:
    stage = Stage(base, Player(*scripts), **config)
    if start:
        stage.dispatcher.start()
    try:
        yield stage
    finally:
        await stage.dispatcher.stop(grace=0)
        await stage.hub.close()
        stage.jobs.close()


async def until(find: Callable[[], Any], patience: float = 20.0) -> Any:
    """The first true value of `find`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience
    while loop.time() < end:
        if found := find():
            return found
        await asyncio.sleep(0.001)
    raise AssertionError("waited in vain")
