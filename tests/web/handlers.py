"""Handlers of the API on a real aiohttp server, with a worker and a dispatcher that do what a test says."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from executor.files import Files
from executor.jobs import Job, Jobs
from web.config import Config
from web.logs import Logs
from web.routes import convert as convert_api
from web.routes import events as events_api
from web.routes import history as history_api
from web.routes import jobs as jobs_api
from web.routes import prompt
from web.routes import queue as queue_api
from web.state import STATE, State
from web.stream.feed import Feed
from web.v2 import api as v2_api
from web.v2 import events as v2_events

TABLES = (prompt, queue_api, history_api, convert_api, jobs_api, events_api, v2_api, v2_events)
GRAPH = {"1": {"class_type": "PreviewAny", "inputs": {"source": "hello"}}}
SAVED = {"filename": "a_00001_.png", "subfolder": "x y", "type": "output"}


def prepared(**given: Any) -> dict[str, Any]:
    """What the worker answers to `prepare` where all is well."""
    plain = {"graph": None, "workflow": None, "notes": [], "problems": [], "targets": ["1"], "unsound": []}
    return {**plain, "dependents": {}, **given}


def problem(node: str, kind: str, message: str, **more: Any) -> dict[str, Any]:
    """executor.bind.Problem as a dict."""
    blank = {"type": "KSampler", "input": "", "got": None, "accepted": None, "severity": "error"}
    return {"node": node, "kind": kind, "message": message, **blank, **more}


class FakeWorker:
    """Answers by table: a value, an exception, or a list of them for one call after the other."""

    def __init__(self, answers: dict[str, Any]):
        self.ready = True
        self.answers = {"prepare": prepared(), "free": {}, **answers}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, do: str, *, payload: bytes = b"", timeout: float = 30.0, **arguments: Any) -> Any:
        self.asked.append((do, {"payload": payload, **arguments}))
        answer = self.answers[do]
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(answer, BaseException):
            raise answer
        return dict(answer)


class FakeDispatcher:
    def __init__(self) -> None:
        self.live: Any = None
        self.calls: list[str] = []
        self.interrupted: list[str | None] = []

    def wake(self) -> None:
        self.calls.append("wake")

    def changed(self) -> None:
        self.calls.append("changed")

    async def interrupt(self, id: str | None) -> bool:
        self.interrupted.append(id)
        return True


class Api:
    """A server of the handlers, and a client of it."""

    def __init__(self, state: State, client: TestClient[Any, Any]):
        self.state, self.client = state, client
        self.worker = cast(FakeWorker, state.worker)
        self.dispatcher = cast(FakeDispatcher, state.dispatcher)
        self.jobs, self.feed = state.jobs, state.feed
        self.url = str(client.make_url("")).rstrip("/")

    async def call(self, method: str, path: str, **arguments: Any) -> tuple[int, Any]:
        """Status and body, as JSON where it is."""
        async with self.client.request(method, path, **arguments) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else answer

    async def get(self, path: str) -> Any:
        status, body = await self.call("GET", path)
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any = None, **arguments: Any) -> Any:
        status, answer = await self.call("POST", path, json=body, **arguments)
        assert status == 200, answer
        return answer

    def add(self, graph: dict[str, Any] | None = None, **more: Any) -> Job:
        return self.jobs.add(graph or GRAPH, ["1"], **more)[0]

    def done(self, state: Any = "success", **more: Any) -> Job:
        """A job that ran, with one saved picture."""
        job = self.add(**more)
        return self.finish(job.id, state)

    def finish(self, id: str, state: Any = "success", **more: Any) -> Job:
        """What the dispatcher does at the end of the next job."""
        self.jobs.claim()
        self.jobs.output(id, "1", {"images": [SAVED]}, 0.5, False)
        job = self.jobs.finish(id, state, messages=[("execution_start", {"prompt_id": id})], **more)
        self.tell(id, "end", {"status": state})
        return job

    def tell(self, id: str, type: str, data: dict[str, Any]) -> None:
        """A durable event."""
        self.feed.publish(id, type, data, self.jobs.append(id, type, data))


@asynccontextmanager
async def serving(base: Path, answers: dict[str, Any] | None = None, **config: Any) -> AsyncIterator[Api]:
    app = web.Application(client_max_size=100 << 20)
    settings, files = Config(base, **config), Files(base)
    jobs = Jobs.open(base / "mezzotint.db", keep=settings.keep)
    worker, dispatcher = FakeWorker(answers or {}), FakeDispatcher()
    nothing: Any = SimpleNamespace()
    logs = Logs(stream=io.StringIO())
    app[STATE] = state = State(
        settings, files, jobs, cast(Any, worker), nothing, Feed(), cast(Any, dispatcher), nothing, nothing, logs
    )
    for table in TABLES:
        for route in table.routes:
            assert isinstance(route, web.RouteDef)
            app.router.add_route(route.method, route.path, route.handler)
    async with TestClient(TestServer(app)) as client:
        yield Api(state, client)
    jobs.close()


def run(
    base: Path, test: Callable[[Api], Awaitable[None]], answers: dict[str, Any] | None = None, **config: Any
) -> None:
    """Run a test against a server of its own."""

    async def main() -> None:
        async with serving(base, answers, **config) as api:
            await asyncio.wait_for(test(api), 30)

    asyncio.run(main())


async def until(find: Callable[[], Any]) -> Any:
    """The first true value of `find`."""
    for _ in range(3_000):
        if found := find():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")
