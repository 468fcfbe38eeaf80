"""Webhooks: told once a job is over, tried again, owed over a restart."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.web.handlers import GRAPH, Api, run, until
from web.webhooks import Webhooks


class Receiver:
    """A server that is told, and answers with these statuses in turn; the last one for good."""

    def __init__(self, statuses: Sequence[int]):
        self.statuses = list(statuses)
        self.got: list[dict[str, Any]] = []
        self.headers: list[Any] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(await request.json())
        self.headers.append(request.headers)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers={"Location": "/elsewhere"} if 300 <= status < 400 else {})


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(statuses)
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


@asynccontextmanager
async def delivering(api: Api, *pauses: float) -> AsyncIterator[Webhooks]:
    webhooks = Webhooks(api.state, pauses)
    webhooks.start()
    try:
        yield webhooks
    finally:
        await webhooks.stop()


def outcome(api: Api, id: str) -> Any:
    """What is written down of a delivery."""
    return next((data for _, type, data in api.jobs.events_after(id, 0) if type == "webhook"), None)


def test_the_end_of_a_job_is_told(tmp_path: Path):
    async def test(api: Api) -> None:
        async with receiving(200) as receiver, delivering(api):
            await api.post("/prompt", {"prompt": GRAPH, "webhook": receiver.url, "prompt_id": "a"})
            api.finish("a")
            assert await until(lambda: outcome(api, "a")) == {"delivered": True, "attempts": 1, "problem": None}
        (told,), (headers,) = receiver.got, receiver.headers
        assert (told["id"], told["status"], told["error"]) == ("a", "completed", None)
        assert told["outputs"][0]["url"] == f"{api.url}/view?filename=a_00001_.png&subfolder=x+y&type=output"
        assert told["url"] == f"{api.url}/jobs/a"
        assert headers["Idempotency-Key"] == "a"

    run(tmp_path, test)


def test_a_failure_and_a_cancellation_are_told(tmp_path: Path):
    async def test(api: Api) -> None:
        async with receiving(204) as receiver, delivering(api):
            for id in "ab":
                api.add(id=id, webhook=receiver.url)
            api.finish("a", "error", error={"exception_message": "no memory"})
            await api.post("/jobs/b/cancel")
            await until(lambda: outcome(api, "a") and outcome(api, "b"))
        told = sorted((job["id"], job["status"], job["error"]) for job in receiver.got)
        assert told == [("a", "failed", "no memory"), ("b", "cancelled", None)]

    run(tmp_path, test)


def test_it_is_tried_again_where_that_may_help(tmp_path: Path):
    async def test(api: Api) -> None:
        async with receiving(503, 429, 200) as receiver, delivering(api, 0, 0, 0):
            api.done(id="a", webhook=receiver.url)
            assert (await until(lambda: outcome(api, "a")))["attempts"] == 3
            assert len(receiver.got) == 3
        assert sum("a webhook was not taken" in line["m"] for line in api.state.logs.recent()) == 2

    run(tmp_path, test)


def test_it_is_given_up_where_nothing_helps(tmp_path: Path):
    async def test(api: Api) -> None:
        async with receiving(404) as receiver, delivering(api, 0, 0):
            api.done(id="gone", webhook=receiver.url)
            assert await until(lambda: outcome(api, "gone")) == {
                "delivered": False,
                "attempts": 1,
                "problem": "the answer was 404",
            }
        async with receiving(500) as receiver, delivering(api, 0, 0):
            api.done(id="broken", webhook=receiver.url)
            assert (await until(lambda: outcome(api, "broken")))["attempts"] == 3
        async with delivering(api, 0):
            api.done(id="nobody", webhook="http://127.0.0.1:1/")
            assert (await until(lambda: outcome(api, "nobody")))["delivered"] is False
        assert sum("given up" in line["m"] for line in api.state.logs.recent()) == 3

    run(tmp_path, test)


def test_no_redirect_is_followed(tmp_path: Path):
    async def test(api: Api) -> None:
        async with receiving(307) as receiver, delivering(api):
            api.done(id="a", webhook=receiver.url)
            assert (await until(lambda: outcome(api, "a")))["problem"] == "the answer was 307"
            assert len(receiver.got) == 1

    run(tmp_path, test)


def test_what_was_not_delivered_is_owed_after_a_restart(tmp_path: Path):
    async def before(api: Api) -> None:
        async with receiving(503) as receiver, delivering(api, 3600):
            api.done(id="a", webhook=receiver.url)
            api.done(id="silent")
            await until(lambda: receiver.got)
        assert outcome(api, "a") is None

    async def after(api: Api) -> None:
        assert api.jobs.owed() == ["a"]
        async with receiving(200) as receiver:
            # The same receiver at another port: only a test can change what a job said.
            api.jobs._database.execute("UPDATE jobs SET webhook = ? WHERE id = 'a'", (receiver.url,))
            async with delivering(api):
                assert (await until(lambda: outcome(api, "a")))["delivered"] is True
        assert api.jobs.owed() == []

    run(tmp_path, before)
    run(tmp_path, after)


def test_a_job_that_is_forgotten_meanwhile_does_no_harm(tmp_path: Path):
    async def test(api: Api) -> None:
        async with receiving(500) as receiver, delivering(api, 0.05) as webhooks:
            api.done(id="a", webhook=receiver.url)
            api.jobs.forget(["a"])
            await until(lambda: len(receiver.got) == 2)
            await until(lambda: not webhooks._tasks)

    run(tmp_path, test)


def test_stopping_does_not_wait_for_a_receiver(tmp_path: Path):
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def test(api: Api) -> None:
        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with delivering(api) as webhooks:
            api.done(id="a", webhook=f"http://127.0.0.1:{port}/")
            await until(lambda: webhooks._tasks)
        assert api.jobs.owed() == ["a"]
        server.close()

    run(tmp_path, test)
