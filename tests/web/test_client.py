"""Our own client, against the handlers and against servers that break."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.web.conftest import Server
from tests.web.handlers import GRAPH, Api, prepared, problem, run, until
from web import client
from web.client import AsyncClient, Client, Event, JobFailed, ServerError

PICTURE = b"\x89PNG\r\n\x1a\n the picture"
DONE = "event: end\nid: 2\ndata: {}\n\n"


def test_it_needs_nothing_else_of_ours(tmp_path: Path):
    (tmp_path / "copied.py").write_bytes(Path(client.__file__).read_bytes())
    code = "import sys, copied; print([name for name in sys.modules if name.split('.')[0] in ('web', 'executor')])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_document_is_submitted_however_it_comes(tmp_path: Path):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(GRAPH))

    async def test(api: Api) -> None:
        async with AsyncClient(api.url) as server:
            for document in (GRAPH, path, str(path), path.read_bytes()):
                job = await server.submit(document, key=str(document), force=True, client_id="c", targets=["1"])
                stored = api.jobs.get(job.id)
                assert stored is not None
                assert (stored.force, stored.client_id, stored.number) == (True, "c", job.number)
                again = await server.submit(document, key=str(document))
                assert again.id == job.id
        assert [asked["document"] or asked["payload"] for _, asked in api.worker.asked[::2]] == [
            GRAPH,
            *[path.read_bytes()] * 3,
        ]
        assert {tuple(asked["targets"]) for _, asked in api.worker.asked[::2]} == {("1",)}

    run(tmp_path, test, {"prepare": prepared(graph=GRAPH, notes=["mind this"])})


def test_a_refusal_says_why_and_where(tmp_path: Path):
    async def test(api: Api) -> None:
        async with AsyncClient(api.url) as server:
            with pytest.raises(ServerError, match="No output of the prompt can be made") as refused:
                await server.submit(GRAPH)
            assert refused.value.status == 400
            assert refused.value.node_errors["1"]["errors"][0]["type"] == "custom_validation_failed"
            with pytest.raises(ServerError, match="there is no job x"):
                await server.job("x")
            with pytest.raises(ServerError, match="there is no job x"):
                await anext(server.events("x"))

    wrong = problem("1", "custom_validation_failed", "no")
    run(tmp_path, test, {"prepare": prepared(targets=[], problems=[wrong])})


def test_a_job_is_followed_to_its_end(tmp_path: Path):
    async def test(api: Api) -> None:
        async with AsyncClient(api.url) as server:
            job = await server.submit(GRAPH)
            waiting = asyncio.create_task(server.wait(job))
            await until(lambda: list(api.feed.readers()))
            api.finish(job.id)
            assert (await waiting)["status"] == "completed"
            assert [event.type async for event in server.events(job)] == ["state", "end"]

    run(tmp_path, test)


def test_a_job_that_fails_is_an_exception(tmp_path: Path):
    async def test(api: Api) -> None:
        api.add(id="a")
        api.finish("a", "error", error={"exception_message": "no memory"})
        async with AsyncClient(api.url) as server:
            with pytest.raises(JobFailed, match="the job a failed: no memory"):
                await server.wait("a")
            assert (await server.wait("a", check=False))["error"] == "no memory"
            assert (await server.cancel("a"))["status"] == "failed"

    run(tmp_path, test)


def test_the_blocking_client_does_the_same(tmp_path: Path):
    def use(url: str, ended: Callable[[str], None]) -> list[Any]:
        with Client(url) as server:
            job = server.submit(GRAPH)
            ended(job.id)
            types = [event.type for event in server.events(job)]
            first = next(iter(server.events(job))).type  # a stream may be left early
            return [types, first, server.wait(job)["status"], server.job(job)["id"], server.cancel(job)["id"], job.id]

    async def test(api: Api) -> None:
        loop = asyncio.get_running_loop()

        def ended(id: str) -> None:
            loop.call_soon_threadsafe(api.finish, id)

        types, first, *rest = await asyncio.to_thread(use, api.url, ended)
        assert (types[0], types[-1], first) == ("state", "end", "state")
        assert rest == ["completed", *[rest[-1]] * 3]

    run(tmp_path, test)


# --- servers that break -------------------------------------------------------------------------

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server_of(routes: Mapping[str, Handler]) -> AsyncIterator[str]:
    app = web.Application()
    for path, handler in routes.items():
        app.router.add_route("*", path, handler)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def test_a_broken_stream_goes_on_where_it_broke():
    seen: list[str | None] = []
    long = {"image": "x" * 1_000_000}
    parts = [
        f"retry: 5\nevent: state\ndata: {{}}\n\n: alive\n\n"
        f"id: 1\nevent: output\ndata: {json.dumps(long)}\n\nevent: pro",
        "",
        f"event: state\r\ndata: {{\r\ndata: }}\r\n\r\n{DONE}",
    ]

    async def events(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Last-Event-ID"))
        part = parts.pop(0)
        if not part:
            return web.Response(status=503)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(part.encode())
        if parts and request.transport is not None:
            request.transport.abort()
        return response

    async def main() -> None:
        async with server_of({"/jobs/a/events": events}) as url, AsyncClient(url) as server:
            found = [event async for event in server.events("a")]
        assert found == [
            Event("state", {}),
            Event("output", long, "1"),
            Event("state", {}),
            Event("end", {}, "2"),
        ]
        assert seen == [None, "1", "1"]

    asyncio.run(main())


def test_it_gives_up_a_server_that_stays_away():
    async def main() -> None:
        async with AsyncClient("http://127.0.0.1:1", patience=0.1) as server:
            with pytest.raises(ConnectionError):
                await server.submit(GRAPH)
            with pytest.raises(ConnectionError):
                await server.wait("a")

    asyncio.run(main())


def test_it_waits_for_a_server_that_is_not_ready():
    answers = [503, 503, 200]

    async def prompt(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.json_response({"prompt_id": "a", "number": 1}, status=answers.pop(0))

    async def main() -> None:
        async with server_of({"/prompt": prompt}) as url, AsyncClient(url, "secret-token") as server:
            assert (await server.submit(b"{}")).id == "a"
        assert not answers

    asyncio.run(main())


def test_pictures_are_saved_and_none_is_overwritten(tmp_path: Path):
    """A file's name is the server's word: only its last part is taken."""
    files = [
        {"filename": "..\\..\\a.png", "type": "output", "url": "/view?n=1"},
        {"filename": "b.png", "type": "temp", "url": "/view?n=2"},
    ]

    async def job(request: web.Request) -> web.StreamResponse:
        return web.json_response({"id": "a", "status": "completed", "files": files})

    async def events(request: web.Request) -> web.StreamResponse:
        return web.Response(text=DONE, content_type="text/event-stream")

    async def view(request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer secret-token"
        return web.Response(body=PICTURE)

    async def main() -> None:
        routes = {"/jobs/a": job, "/jobs/a/events": events, "/view": view}
        async with server_of(routes) as url, AsyncClient(url, "secret-token") as server:
            for name in ("a.png", "a (1).png"):
                assert await server.download("a", tmp_path / "new") == [tmp_path / "new" / name]
        assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["a (1).png", "a.png"]
        assert (tmp_path / "new" / "a.png").read_bytes() == PICTURE

    asyncio.run(main())


# --- the real server ----------------------------------------------------------------------------


def test_a_job_is_followed_over_the_death_of_the_server(serve: Callable[..., Server], tmp_path: Path):
    """The client waits for the server to come back, and goes on after the last event that it has."""
    first = serve()
    port = first.url.rpartition(":")[2]
    first.worker()
    image = {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 255}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "kept"}}
    with Client(first.url) as server:
        first.ask("/queue", {"pause": True})
        job = server.submit({"1": image, "2": save})
        events = server.events(job)
        assert next(events).data["status"] == "pending"
        first.kill()
        again = serve("--port", port)
        assert again.get("/queue")["paused"] is True
        again.ask("/queue", {"pause": False})
        types = [event.type for event in events]
        assert (types[0], types[-1]) == ("state", "end")
        assert [path.name for path in server.download(job, tmp_path / "fetched")] == ["kept_00001_.png"]
        ids = [event.id for event in server.events(job) if event.id]
        assert ids == [str(i) for i in range(1, len(ids) + 1)]
