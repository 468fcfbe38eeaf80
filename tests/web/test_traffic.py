"""What a client is sent grows with the graph and with time, and with nothing else."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from executor import events
from executor.jobs import Job, Jobs
from tests.web.conftest import Server, shown
from tests.web.played import OK, Player, Say, Script, Stage, plays
from web.stream import relay
from web.stream.hub import Hub, encode

MOST = 2_000_000  # bytes that a client is sent of a run of 1,500 nodes


class Clockwork(asyncio.SelectorEventLoop):
    """A loop on which time passes only where nothing else is to be done, and then at once."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        return self.now


class _Leaping(selectors.SelectSelector):
    def __init__(self, loop: Clockwork):
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self._loop.now += timeout
        return super().select(0 if timeout is not None else 1)


class Counting(Hub):
    """Takes the messages of one client, and when they came."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self.sent: list[tuple[float, str, dict[str, Any], int]] = []

    def watched(self, sid: str | None) -> bool:
        return True

    def send(self, sid: str | None, type: str, data: Mapping[str, Any], *, latest: str | None = None) -> None:
        if sid in ("me", None):
            frame = encode(type, data)
            self.sent.append((asyncio.get_running_loop().time(), type, json.loads(frame)["data"], len(frame)))

    @property
    def size(self) -> int:
        return sum(size for *_, size in self.sent)

    def of(self, type: str) -> list[dict[str, Any]]:
        return [data for _, kind, data, _ in self.sent if kind == type]

    def times(self, type: str) -> list[float]:
        return [time for time, kind, *_ in self.sent if kind == type]


def graph_of(count: int) -> dict[str, Any]:
    return {str(i): {"class_type": "Step", "inputs": {"x": [str(i - 1), 0]} if i else {}} for i in range(count)}


def running(count: int, seconds: float = 0.0, steps: int = 0, ui: Mapping[str, Any] | None = None) -> Script:
    """A run of that many nodes, each of which takes so long and reports so many steps."""

    async def script(player: Player, say: Say) -> dict[str, Any]:
        say(events.Started((str(count - 1),), count))
        for node in map(str, range(count)):
            say(events.NodeStarted(node, "Step"))
            for step in range(1, steps + 1):
                await asyncio.sleep(seconds / (steps + 1))
                say(events.Progressed(node, step, steps))
            await asyncio.sleep(seconds / (steps + 1))
            say(events.NodeFinished(node, ui, seconds, 0))
        say(events.Finished((), (), count * seconds))
        return OK

    return script


def sent_of(base: Path, script: Script, count: int) -> Counting:
    """All that is sent of a run, in made time."""

    async def main() -> Counting:
        stage = Stage(base, Player(script), Counting)
        over: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        stage.dispatcher.on_finished.append(over.set_result)
        stage.dispatcher.start()
        stage.add(graph=graph_of(count), targets=[str(count - 1)])
        job = await over
        assert job.state == "success", job.error
        await stage.dispatcher.stop()
        stage.jobs.close()
        return stage.hub

    loop = Clockwork()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


RUNS = {
    "at once": (0.0, 0),
    "in a second": (1 / 1500, 0),
    "as in the reference, 88 seconds": (88 / 1500, 0),
    "88 seconds, with steps": (88 / 1500, 20),
    "ten minutes": (600 / 1500, 0),
}


@pytest.mark.parametrize("pace", RUNS)
def test_a_large_run_is_followed_in_two_megabytes(tmp_path: Path, pace: str):
    seconds, steps = RUNS[pace]
    hub = sent_of(tmp_path, running(1_500, seconds, steps), 1_500)
    assert hub.size < MOST, Counter({kind: sum(s for _, k, _, s in hub.sent if k == kind) for _, kind, *_ in hub.sent})
    assert [data["node"] for data in hub.of("executing")] == [*map(str, range(1_500)), None]
    ended = {
        id for data in hub.of("progress_state") for id, node in data["nodes"].items() if node["state"] == "finished"
    }
    assert len(ended) == 1_500, "each node was seen to finish"


def test_ten_times_the_nodes_are_ten_times_the_traffic(tmp_path: Path):
    sizes = list[int]()
    for count in (400, 4_000):
        base = tmp_path / str(count)
        base.mkdir()
        sizes.append(sent_of(base, running(count, 0.05), count).size)
    assert sizes[1] < 11 * sizes[0]


def test_the_states_come_at_most_ten_times_a_second(tmp_path: Path):
    hub = sent_of(tmp_path, running(300, 0.05, 10), 300)
    times = hub.times("progress_state")
    assert len(times) > 100, "and not much less often"
    assert all(sum(start <= t < start + 1 for t in times) <= 10 for start in times)


def test_progress_is_told_for_every_step_of_a_usual_job_and_at_a_bounded_rate_of_others(tmp_path: Path):
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    few = sent_of(tmp_path / "few", running(3, 0.01, 30), 3).of("progress")
    assert [data["value"] for data in few] == 3 * list(range(1, 31))
    many = sent_of(tmp_path / "many", running(4, 25.0, 5_000), 4)
    times = many.times("progress")
    assert len(times) < relay.PROGRESS_BURST + 100 * (relay.PROGRESS_RATE + 1 / relay.STATE_PAUSE) + 10
    assert [data["value"] for data in many.of("progress")].count(5_000) == 4, "the last step of each is told"
    assert max(later - sooner for sooner, later in pairwise(times)) < 0.2


def test_up_to_a_hundred_nodes_a_state_has_all_that_no_longer_wait(tmp_path: Path):
    states = sent_of(tmp_path, running(100, 0.05), 100).of("progress_state")
    for data in states:
        assert list(data["nodes"]) == [str(i) for i in range(len(data["nodes"]))]
        assert {n["state"] for n in list(data["nodes"].values())[:-1]} <= {"finished"}
    assert len(states[-1]["nodes"]) == 100


def test_of_more_a_state_has_what_runs_and_what_changed(tmp_path: Path):
    states = sent_of(tmp_path, running(101, 0.05), 101).of("progress_state")
    assert max(len(data["nodes"]) for data in states) <= 5
    assert all("running" in [n["state"] for n in data["nodes"].values()] for data in states[:-1])


def test_a_cached_job_is_a_handful_of_messages(tmp_path: Path):
    everything = [events.Started(("1499",), 1_500), events.CachedSet(tuple(map(str, range(1_500))))]
    hub = sent_of(tmp_path, plays(*everything, events.Finished((), (), 0.0)), 1_500)
    assert len(hub.sent) < 10
    assert hub.size < 20_000


def many_nodes() -> dict[str, Any]:
    return shown(*[f"text {i}" for i in range(1_500)])


def test_a_real_run_of_1500_nodes_over_a_real_socket(server: Server):
    async def follow() -> list[tuple[str, Any, int]]:
        heard: list[tuple[str, Any, int]] = []
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{server.url}/ws?clientId=me") as socket:
            async with http.post(f"{server.url}/prompt", json={"prompt": many_nodes(), "client_id": "me"}) as answer:
                assert answer.status == 200, await answer.text()
            async for message in socket:
                read = json.loads(message.data)
                heard.append((read["type"], read["data"], len(message.data)))
                if read["type"] == "executing" and read["data"]["node"] is None:
                    return heard
        raise AssertionError("the connection ended before the job")

    heard = asyncio.run(asyncio.wait_for(follow(), 60))
    assert sum(size for *_, size in heard) < MOST
    counts = Counter(kind for kind, *_ in heard)
    assert counts["executed"] == 1_500
    assert _in_order(kind for kind, *_ in heard)


def _in_order(kinds: Iterator[str]) -> bool:
    """Whether they begin and end as the standard has it."""
    told = [kind for kind in kinds if kind not in ("status", "progress_state", "progress")]
    return told[:2] == ["execution_start", "execution_cached"] and told[-2:] == ["execution_success", "executing"]
