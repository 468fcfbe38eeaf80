"""The feed of server-sent events, and the stream that clients read."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.web.handlers import Api, run
from web.routes import events as events_api
from web.stream.feed import BACKLOG, MISSED, Feed, Item


def read(feed: Feed, *published: Any) -> list[Item]:
    """What a reader of job j gets that reads nothing before all is published."""

    async def main() -> list[Item]:
        async with feed.subscribe("j") as items:
            for event in published:
                feed.publish("j", *event)
            feed.publish("another", "end", {})
            feed.close()
            return [item async for item in items]

    return asyncio.run(main())


def test_durable_events_come_in_order_and_whole():
    events = [("output", {"node": str(i)}, i) for i in range(1, 9)]
    assert read(Feed(), *events) == [(seq, type, data) for type, data, seq in events]


def test_of_live_events_only_the_newest_of_a_node_waits():
    found = read(
        Feed(),
        ("progress", {"node": "1", "value": 1}),
        ("progress", {"node": "2", "value": 1}),
        ("output", {"node": "1"}, 7),
        ("progress", {"node": "1", "value": 2}),
        ("preview", {"node": "1", "image": "a"}),
        ("preview", {"node": "2", "image": "b"}),
    )
    assert found == [
        (None, "progress", {"node": "2", "value": 1}),
        (7, "output", {"node": "1"}),
        (None, "progress", {"node": "1", "value": 2}),
        (None, "preview", {"node": "2", "image": "b"}),
    ]


def test_a_reader_that_does_not_read_costs_little_memory():
    many = 100 * BACKLOG
    live = [("node", {"node": str(i)}) for i in range(many)]
    durable = [("output", {"node": str(i)}, i) for i in range(1, many)]
    found = read(Feed(), *live, *durable)
    assert len(found) == 2 * BACKLOG + 1
    assert found[:BACKLOG] == [(None, "node", {"node": str(i)}) for i in range(many - BACKLOG, many)]
    assert found[BACKLOG : 2 * BACKLOG] == [(i, "output", {"node": str(i)}) for i in range(1, BACKLOG + 1)]
    assert found[-1] == (None, MISSED, {})


def test_after_a_gap_everything_durable_comes_from_the_database():
    """An event after the gap must not be read before those in it."""

    async def main() -> None:
        feed = Feed()
        async with feed.subscribe("j") as items:
            for seq in range(1, BACKLOG + 2):
                feed.publish("j", "output", {}, seq)
            assert (await anext(items))[0] == 1
            feed.publish("j", "output", {}, BACKLOG + 2)
            rest = [await anext(items) for _ in range(BACKLOG)]
            assert [item[0] for item in rest] == [*range(2, BACKLOG + 1), None]
            feed.publish("j", "output", {}, BACKLOG + 3)
            assert (await anext(items))[0] == BACKLOG + 3

    asyncio.run(main())


def test_waiting_can_be_given_up_without_loss():
    async def main() -> None:
        feed = Feed()
        async with feed.subscribe("j") as items:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(items), 0.01)
            feed.publish("j", "end", {})
            assert (await anext(items))[1] == "end"
        assert list(feed.readers()) == []

    asyncio.run(main())


# --- over HTTP ----------------------------------------------------------------------------------


async def stream(api: Api, id: str, **headers: str) -> list[tuple[str | None, str, dict[str, Any]]]:
    """All events of a stream until it ends."""
    async with api.client.get(f"/jobs/{id}/events", headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        text = (await answer.read()).decode()
    return [event for block in text.split("\n\n") if (event := parsed(block))]


def parsed(block: str) -> Any:
    fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
    return (fields.get("id"), fields["event"], json.loads(fields["data"])) if "data" in fields else None


def test_a_stream_tells_the_state_then_what_happened_then_what_happens(tmp_path: Path):
    async def test(api: Api) -> None:
        api.add(id="a")
        api.jobs.claim()
        api.tell("a", "status", {"status": "in_progress"})
        reading = asyncio.create_task(stream(api, "a"))
        while not list(api.feed.readers()):
            await asyncio.sleep(0.001)
        api.feed.publish("a", "progress", {"node": "1", "value": 1})
        api.tell("a", "output", {"node": "1"})
        api.jobs.finish("a", "success")
        api.tell("a", "end", {"status": "completed"})
        events = await reading
        assert [(id, type) for id, type, _ in events] == [
            (None, "state"),
            ("1", "status"),
            (None, "progress"),
            ("2", "output"),
            ("3", "end"),
        ]
        state = events[0][2]
        assert (state["id"], state["status"], state["position"], state["error"]) == ("a", "in_progress", None, None)
        assert state["links"]["self"] == "/jobs/a"

    run(tmp_path, test)


def test_a_reader_that_comes_back_misses_and_repeats_nothing(tmp_path: Path):
    async def test(api: Api) -> None:
        api.add(id="a")
        for i in range(1, 6):
            api.tell("a", "output", {"node": str(i)})
        api.finish("a")
        for last in range(6):
            events = await stream(api, "a", **{"Last-Event-ID": str(last)})
            assert [id for id, _, _ in events] == [None, *map(str, range(last + 1, 7))]
            assert events[-1][1] == "end"
        assert (await api.call("GET", "/jobs/a/events?last_event_id=6"))[0] == 204, "so that a browser stays away"
        assert (await api.call("GET", "/jobs/a/events?last_event_id=x"))[0] == 400
        assert (await api.call("GET", "/jobs/unknown/events"))[0] == 404

    run(tmp_path, test)


def test_a_slow_reader_gets_the_dropped_events_from_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def test(api: Api) -> None:
        api.add(id="a")
        reading = asyncio.create_task(stream(api, "a"))
        while not list(api.feed.readers()):
            await asyncio.sleep(0.001)
        with api.jobs.together():  # the reader's turn comes only after all of it
            for i in range(3 * BACKLOG):
                api.tell("a", "output", {"node": str(i)})
            api.finish("a")
        events = await reading
        assert [id for id, _, _ in events if id] == [str(i) for i in range(1, 3 * BACKLOG + 2)]
        assert MISSED not in {type for _, type, _ in events}

    run(tmp_path, test)


def test_the_stream_of_a_job_that_is_taken_from_the_queue_ends(tmp_path: Path):
    async def test(api: Api) -> None:
        for how in ("delete", "clear", "cancel"):
            api.add(id=how)
            reading = asyncio.create_task(stream(api, how))
            while not list(api.feed.readers()):
                await asyncio.sleep(0.001)
            bodies = {"delete": {"delete": [how]}, "clear": {"clear": True}}
            path = f"/jobs/{how}/cancel" if how == "cancel" else "/queue"
            assert (await api.call("POST", path, json=bodies.get(how)))[0] == 200
            assert (await reading)[-1][1:] == ("end", {"status": "cancelled"})

    run(tmp_path, test)


def test_comments_show_that_the_line_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events_api, "HEARTBEAT", 0.01)

    async def test(api: Api) -> None:
        api.add(id="a")
        async with api.client.get("/jobs/a/events") as answer:
            line = b""
            while not line.startswith(b":"):
                line = await answer.content.readline()
        api.feed.close()

    run(tmp_path, test)


def test_a_stream_ends_where_the_server_stops(tmp_path: Path):
    async def test(api: Api) -> None:
        api.add(id="a")
        async with api.client.get("/jobs/a/events") as answer:
            await answer.content.readline()
            api.feed.close()
            await answer.content.read()
        assert list(api.feed.readers()) == []

    run(tmp_path, test)
