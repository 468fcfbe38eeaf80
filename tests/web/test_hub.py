"""No client is waited for, each gets what it can take, and what it gets is the newest."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.played import until
from web.stream import hub
from web.stream.hub import SHARED, Client, Hub, encode, preview_frame

BEHIND = 64
JPEG, PNG = b"\xff\xd8\xff\xe0 a picture", b"\x89PNG\r\n a picture"


@pytest.fixture(autouse=True)
def soon_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "BEHIND", BEHIND)


class Wire:
    """A socket that takes frames while it is open."""

    def __init__(self, open: bool = True):
        self.frames: list[str | bytes] = []
        self.open = asyncio.Event()
        self.codes: list[int] = []
        self.cut = False
        self.broken = False
        if open:
            self.open.set()

    async def send_str(self, data: str) -> None:
        await self.open.wait()
        if self.broken:
            raise ConnectionResetError
        self.frames.append(data)

    async def send_bytes(self, data: bytes) -> None:
        await self.open.wait()
        self.frames.append(data)

    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool:
        self.codes.append(code)
        return True

    def abort(self) -> None:
        self.cut = True

    @property
    def heard(self) -> list[tuple[str, Any]]:
        return [(m["type"], m["data"]) for m in map(json.loads, (f for f in self.frames if isinstance(f, str)))]


def connect(where: Hub, sid: str = "me", open: bool = True) -> tuple[Wire, Client]:
    wire = Wire(open)
    return wire, where.connect(sid, wire, wire.abort)


def play(test: Callable[[Hub], Awaitable[None]]) -> None:
    async def main() -> None:
        here = Hub()
        await asyncio.wait_for(test(here), 30)
        await here.close()

    asyncio.run(main())


def test_messages_go_to_the_client_they_are_for():
    async def test(here: Hub) -> None:
        (mine, _), (other, _) = connect(here, "me"), connect(here, "other")
        here.send("me", "progress", {"value": 1})
        here.send(None, "status", {"left": 0})
        here.send("nobody", "progress", {"value": 2})
        await until(lambda: len(mine.frames) == 2 and other.frames)
        assert mine.heard == [("progress", {"value": 1}), ("status", {"left": 0})]
        assert other.heard == [("status", {"left": 0})]
        assert mine.frames[1] is other.frames[0], "made once for all"
        assert here.sids() == {"me", "other"}
        assert (here.watched("me"), here.watched("nobody"), here.watched(None)) == (True, False, True)

    play(test)


def test_what_nobody_hears_is_not_made(monkeypatch: pytest.MonkeyPatch):
    def never(*_: Any) -> str:
        raise AssertionError("a frame was made")

    async def test(here: Hub) -> None:
        monkeypatch.setattr(hub, "encode", never)
        here.send("me", "progress", {})
        here.send(None, "status", {})
        here.preview("me", JPEG, {})

    play(test)


def test_a_client_that_keeps_up_gets_every_message_in_order():
    async def test(here: Hub) -> None:
        wire, _ = connect(here)
        for step in range(10 * BEHIND):
            here.send("me", "progress", {"value": step}, latest="progress")
            if step % 10 == 0:
                await until(lambda step=step: len(wire.frames) == step + 1)
        await until(lambda: len(wire.frames) == 10 * BEHIND)
        assert [data["value"] for _, data in wire.heard] == list(range(10 * BEHIND))

    play(test)


SENT = st.lists(st.tuples(st.sampled_from([None, "progress", "status", "executing"]), st.integers(0, 3)), max_size=400)


@given(sent=SENT, turns=st.integers(0, 3))
def test_a_client_that_is_behind_gets_what_lasts_and_the_newest_of_the_rest(
    sent: list[tuple[str | None, int]], turns: int
):
    async def test(here: Hub) -> None:
        wire, _ = connect(here, open=False)
        for number, (latest, times) in enumerate(sent):
            for _ in range(times):
                here.send("me", latest or "lasting", {"n": number}, latest=latest)
            if number < turns:
                await asyncio.sleep(0)
        here.send("me", "end", {})
        wire.open.set()
        await until(lambda: wire.heard and wire.heard[-1][0] == "end")
        kept = [number for number, (latest, times) in enumerate(sent) if latest is None for _ in range(times)]
        assert [data["n"] for type, data in wire.heard if type == "lasting"] == kept
        for kind in ("progress", "status", "executing"):
            mine = [number for number, (latest, times) in enumerate(sent) if latest == kind and times]
            heard = [data["n"] for type, data in wire.heard if type == kind]
            assert heard == sorted(heard)
            assert heard[-1:] == mine[-1:]
        assert len(wire.heard) <= len(kept) + BEHIND + 3 + 2

    play(test)


def test_a_message_that_replaces_another_comes_where_it_belongs_in_time():
    async def test(here: Hub) -> None:
        wire, _ = connect(here, open=False)
        for n in range(BEHIND):
            here.send("me", "lasting", {"n": n})
        here.send("me", "executing", {"node": "1"}, latest="executing")
        here.send("me", "executed", {"node": "1"})
        here.send("me", "executing", {"node": "2"}, latest="executing")
        wire.open.set()
        await until(lambda: len(wire.frames) == BEHIND + 2)
        assert wire.heard[-2:] == [("executed", {"node": "1"}), ("executing", {"node": "2"})]

    play(test)


def test_a_client_that_never_reads_is_cut_off_and_may_come_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub, "MOST", 100)

    async def test(here: Hub) -> None:
        wire, client = connect(here, open=False)
        other, _ = connect(here, "other")
        for n in range(1_000):
            here.send("me", "progress", {"n": n}, latest="progress")
        assert not wire.cut, "what is replaced never adds up"
        for n in range(150):
            here.send(None, "executed", {"n": n})
            await asyncio.sleep(0)
        assert wire.cut
        here.disconnect(client)
        await until(lambda: len(other.frames) == 150)
        again, _ = connect(here)
        here.send("me", "status", {})
        await until(lambda: again.frames)

    play(test)


def test_the_unsent_are_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub, "MOST_SIZE", 10_000)

    async def test(here: Hub) -> None:
        wire, _ = connect(here, open=False)
        here.send("me", "executed", {"text": "x" * 20_000})
        assert wire.cut

    play(test)


def test_a_connection_that_breaks_is_cut():
    async def test(here: Hub) -> None:
        wire, _ = connect(here)
        wire.broken = True
        here.send("me", "status", {})
        await until(lambda: wire.cut)
        here.send("me", "status", {})

    play(test)


def test_sockets_of_the_same_client_id_get_the_same():
    async def test(here: Hub) -> None:
        (old, first), (new, _) = connect(here), connect(here)
        here.send("me", "status", {})
        await until(lambda: new.frames and old.frames)
        assert old.frames == new.frames
        here.disconnect(first)
        assert here.sids() == {"me"}

    play(test)


def test_a_client_id_that_connects_without_end_loses_its_oldest_sockets():
    async def test(here: Hub) -> None:
        wires = [connect(here)[0] for _ in range(SHARED + 2)]
        await until(lambda: wires[1].codes)
        assert [wire.codes for wire in wires] == [[1000]] * 2 + [[]] * SHARED

    play(test)


def test_all_are_said_goodbye_when_the_server_stops():
    async def test(here: Hub) -> None:
        wires = [connect(here, str(n))[0] for n in range(3)]
        await here.close()
        assert [wire.codes for wire in wires] == [[1001]] * 3
        assert here.sids() == set()

    play(test)


def test_only_the_newest_preview_is_sent():
    async def test(here: Hub) -> None:
        wire, client = connect(here, open=False)
        here.send("me", "status", {})
        await asyncio.sleep(0)
        for n in range(5):
            here.preview("me", JPEG + bytes([n]), {"node_id": "5"})
        client.metadata = True
        here.preview("me", PNG, {"node_id": "5"})
        wire.open.set()
        await until(lambda: len(wire.frames) == 2)
        assert wire.frames[1] == preview_frame(PNG, {"node_id": "5"})

    play(test)


@pytest.mark.parametrize(("image", "number", "name"), [(JPEG, 1, "image/jpeg"), (PNG, 2, "image/png")])
def test_preview_frames_are_the_standards(image: bytes, number: int, name: str):
    assert preview_frame(image, None) == struct.pack(">II", 1, number) + image
    frame = preview_frame(image, {"node_id": "é"})
    event, length = struct.unpack(">II", frame[:8])
    assert event == 4
    assert json.loads(frame[8 : 8 + length]) == {"node_id": "é", "image_type": name}
    assert frame[8 + length :] == image


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", "\u2028 é"])
def test_every_frame_is_json_that_a_browser_reads(value: Any):
    frame = encode("executed", {"output": {"x": [value]}})
    frame.encode()
    read = json.loads(frame, parse_constant=lambda name: pytest.fail(name))
    assert read["data"]["output"]["x"] == [None if isinstance(value, float) else value]
