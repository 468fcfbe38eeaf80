"""The WebSocket, on a real server."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from tests.web.conftest import Server, shown
from tests.web.played import OK, Player, Say, Script, Stage, plays, until, whole_run
from web.routes import sockets
from web.state import STATE
from web.stream.hub import Hub

JPEG = b"\xff\xd8\xff\xe0 a picture"
FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}


class Site:
    """A dispatcher with its sockets."""

    def __init__(self, stage: Stage, client: TestClient[Any, Any]):
        self.stage, self.client = stage, client

    async def connect(self, path: str = "/ws?clientId=me", **more: Any) -> ClientWebSocketResponse:
        return await self.client.ws_connect(path, **more)


@asynccontextmanager
async def serving(base: Path, *scripts: Script) -> AsyncIterator[Site]:
    stage = Stage(base, Player(*(scripts or (plays(*whole_run()),))), lambda jobs: Hub())
    state: Any = SimpleNamespace(config=stage.config, hub=stage.hub, dispatcher=stage.dispatcher)
    app = web.Application()
    app[STATE] = state
    app.add_routes(sockets.routes)
    stage.dispatcher.start()
    async with TestClient(TestServer(app)) as client:
        yield Site(stage, client)
        await stage.dispatcher.stop(grace=0)
        await stage.hub.close()
    stage.jobs.close()


def play(base: Path, test: Callable[[Site], Awaitable[None]], *scripts: Script) -> None:
    async def main() -> None:
        async with serving(base, *scripts) as site:
            await asyncio.wait_for(test(site), 30)

    asyncio.run(main())


async def hear(socket: ClientWebSocketResponse[bool], until: Callable[[dict[str, Any]], Any]) -> list[dict[str, Any]]:
    """The messages up to the one that is waited for."""
    heard: list[dict[str, Any]] = []
    while not heard or not until(heard[-1]):
        message = await socket.receive(timeout=20)
        if message.type is WSMsgType.BINARY:
            heard.append({"type": "binary", "data": message.data})
        else:
            assert message.type is WSMsgType.TEXT, message
            heard.append(json.loads(message.data))
    return heard


def over(message: dict[str, Any]) -> bool:
    return message["type"] == "executing" and message["data"]["node"] is None


def test_the_first_frame_tells_the_queue_and_the_id(tmp_path: Path):
    async def test(site: Site) -> None:
        first = await (await site.connect()).receive_json()
        assert first == {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "me"}}
        for path in ("/ws", "/ws?clientId="):
            sid = (await (await site.connect(path)).receive_json())["data"]["sid"]
            assert len(sid) == 32
            assert int(sid, 16) >= 0
        assert len(site.stage.hub.sids()) == 3

    play(tmp_path, test)


def test_a_job_is_followed_to_its_end(tmp_path: Path):
    async def test(site: Site) -> None:
        mine, other = await site.connect(), await site.connect("/ws?clientId=other")
        job = site.stage.add()
        types = [m["type"] for m in await hear(mine, over) if m["type"] not in ("status", "progress_state")]
        assert types == [
            "execution_start",
            "execution_cached",
            "executing",
            "executing",
            "progress",
            "progress",
            "executed",
            "execution_success",
            "executing",
        ]
        found = site.stage.jobs.get(job.id)
        assert found is not None
        assert found.state == "success", "it is in the history when its end is told"
        told = await hear(
            other, lambda m: m["data"]["status"]["exec_info"]["queue_remaining"] == 0 and "sid" not in m["data"]
        )
        assert {m["type"] for m in told} == {"status"}, "nobody hears of the jobs of others"

    play(tmp_path, test)


def showing(go: asyncio.Event) -> Script:
    """A run that goes on at a word."""

    async def script(player: Player, say: Say) -> dict[str, Any]:
        started, *_, finished = whole_run()
        say(started)
        say(whole_run()[3])
        await go.wait()
        say(whole_run()[4], JPEG)
        say(whole_run()[6])
        say(finished)
        return OK

    return script


@pytest.mark.parametrize("flagged", [True, False])
def test_previews_have_the_form_that_the_client_asked_for(tmp_path: Path, flagged: bool):
    go = asyncio.Event()

    async def test(site: Site) -> None:
        socket = await site.connect()
        await socket.receive_json()
        if flagged:
            await socket.send_json(FLAGS)
            flags = (await hear(socket, lambda m: m["type"] == "feature_flags"))[-1]["data"]
            assert flags == {"supports_preview_metadata": True, "max_upload_size": 100 << 20}
        job = site.stage.add(preview=None if flagged else "auto")
        go.set()
        frame = (await hear(socket, lambda m: m["type"] == "binary"))[-1]["data"]
        assert frame.endswith(JPEG)
        if flagged:
            length = int.from_bytes(frame[4:8], "big")
            assert frame[:4] == b"\0\0\0\4"
            assert json.loads(frame[8 : 8 + length]) == {
                "node_id": "2",
                "prompt_id": job.id,
                "display_node_id": "2",
                "parent_node_id": None,
                "real_node_id": "2",
                "image_type": "image/jpeg",
            }
        else:
            assert frame[:8] == b"\0\0\0\1\0\0\0\1"

    play(tmp_path, test, showing(go))


def test_previews_that_nobody_asked_for_go_to_no_client_that_may_not_know_them(tmp_path: Path):
    go = asyncio.Event()

    async def test(site: Site) -> None:
        socket = await site.connect()
        await socket.receive_json()
        site.stage.add()
        go.set()
        assert "binary" not in {m["type"] for m in await hear(socket, over)}

    play(tmp_path, test, showing(go))


def test_a_client_that_comes_back_is_told_of_its_running_job(tmp_path: Path):
    go = asyncio.Event()

    async def test(site: Site) -> None:
        first = await site.connect()
        job = site.stage.add()
        await hear(first, lambda m: m["type"] == "progress_state")
        await first.close()
        await until(lambda: not site.stage.hub.sids())
        again = await site.connect()
        told = [await again.receive_json() for _ in range(3)]
        assert [m["type"] for m in told] == ["status", "executing", "progress_state"]
        assert told[1]["data"] == {"node": "2", "display_node": "2", "prompt_id": job.id}
        go.set()
        assert over((await hear(again, over))[-1])

    play(tmp_path, test, showing(go))


def test_two_windows_of_the_same_id_hear_the_same(tmp_path: Path):
    async def test(site: Site) -> None:
        old, new = await site.connect(), await site.connect()
        site.stage.add()
        assert over((await hear(old, over))[-1])
        assert over((await hear(new, over))[-1])
        assert site.stage.hub.sids() == {"me"}

    play(tmp_path, test)


def test_what_a_client_says_besides_means_nothing(tmp_path: Path):
    async def test(site: Site) -> None:
        socket = await site.connect()
        await socket.receive_json()
        for said in ("", "no JSON", "[]", "{}", '{"type": "feature_flags", "data": 3}', "[" * 100_000, "null"):
            await socket.send_str(said)
        await socket.send_bytes(b"\0\0\0\1")
        await socket.send_str('{"type": "other", "data": {}}')
        site.stage.add()
        await hear(socket, over)

    play(tmp_path, test)


def test_a_message_that_is_too_long_ends_the_connection(tmp_path: Path):
    async def test(site: Site) -> None:
        socket = await site.connect()
        await socket.receive_json()
        await socket.send_str("x" * (sockets.MOST_HEARD + 1))
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        assert socket.close_code == 1009
        await until(lambda: not site.stage.hub.sids())

    play(tmp_path, test)


def test_an_id_that_is_too_long_and_a_plain_request_are_refused(tmp_path: Path):
    async def test(site: Site) -> None:
        for path in ("/ws?clientId=" + "x" * 257, "/ws"):
            async with site.client.get(path) as answer:
                assert answer.status == 400

    play(tmp_path, test)


def test_a_client_that_never_reads_delays_nobody(tmp_path: Path):
    """Its kernel buffers fill; its job runs on, and others hear of theirs."""

    async def flood(player: Player, say: Say) -> dict[str, Any]:
        started, *_, finished = whole_run()
        say(started)
        for _ in range(200):
            say(whole_run()[1])
            say(whole_run()[4], JPEG + bytes(100_000))
            await asyncio.sleep(0)
        say(finished)
        return OK

    async def test(site: Site) -> None:
        deaf, other = await site.connect(), await site.connect("/ws?clientId=other")
        assert deaf._conn is not None
        cast(Any, deaf._conn.protocol).pause_reading()
        job = site.stage.add()
        await site.stage.ended(job)
        site.stage.add(client_id="other")
        await hear(other, over)
        (client,) = site.stage.hub._clients["me"]
        assert client._lasting < 10
        assert len(client._unsent) < 200
        cast(Any, deaf._conn.protocol).resume_reading()
        heard = await hear(deaf, over)
        assert len([m for m in heard if m["type"] == "binary"]) < 200, "it is told the newest"

    play(tmp_path, test, flood, plays(*whole_run()))


def test_a_server_that_stops_says_goodbye(server: Server):
    async def follow() -> tuple[WSMsgType, Any]:
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{server.url}/ws?clientId=me") as socket:
            server.submit(shown("a"), client_id="me")
            await hear(socket, over)
            server.process.send_signal(signal.SIGTERM)
            while (message := await socket.receive()).type is WSMsgType.TEXT:
                pass
            return message.type, socket.close_code

    assert asyncio.run(asyncio.wait_for(follow(), 60)) == (WSMsgType.CLOSE, 1001)
    assert server.stop() == 0
