"""The standard's queue, and what we add to it; interrupting and freeing."""

from pathlib import Path
from typing import Any

import pytest

from executor.worker.supervisor import Death, WorkerLost
from tests.web.handlers import GRAPH, Api, run


def test_the_queue_shows_what_runs_and_what_waits_in_order(tmp_path: Path):
    async def test(api: Api) -> None:
        api.add(id="a", client_id="c", extra={"extra_pnginfo": {}})
        api.add(id="b")
        api.add(id="first", front=True)
        assert api.jobs.claim()
        queue = await api.get("/queue")
        assert [item[1] for item in queue["queue_running"]] == ["first"]
        assert [item[1] for item in queue["queue_pending"]] == ["a", "b"]
        number, _, graph, extra, targets = queue["queue_pending"][0]
        assert isinstance(number, int)
        assert (graph, extra, targets) == (GRAPH, {"extra_pnginfo": {}, "client_id": "c"}, ["1"])
        assert queue["paused"] is False

    run(tmp_path, test)


def test_waiting_jobs_are_deleted_and_cleared_but_no_running_one(tmp_path: Path):
    async def test(api: Api) -> None:
        for id in "abcd":
            api.add(id=id)
        api.jobs.claim()
        await api.call("POST", "/queue", json={"delete": ["a", "c", "unknown"]})
        assert [job.id for job in api.jobs.pending()] == ["b", "d"]
        await api.call("POST", "/queue", json={"clear": True})
        assert api.jobs.pending() == []
        assert [job.id for job in api.jobs.running()] == ["a"]
        assert api.dispatcher.calls.count("changed") == 2

    run(tmp_path, test)


def test_the_queue_can_be_paused_and_reordered(tmp_path: Path):
    async def test(api: Api) -> None:
        for id in "abc":
            api.add(id=id)
        status, _ = await api.call("POST", "/queue", json={"pause": True, "move": {"prompt_id": "c", "position": 0}})
        queue = await api.get("/queue")
        assert (status, queue["paused"]) == (200, True)
        assert [item[1] for item in queue["queue_pending"]] == ["c", "a", "b"]
        assert api.jobs.claim() is None
        await api.call("POST", "/queue", json={"pause": False})
        assert api.dispatcher.calls[-1] == "wake"
        assert api.jobs.claim()

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({"delete": "a"}, 400),
        ({"delete": [1]}, 400),
        ({"pause": 1}, 400),
        ({"move": "a"}, 400),
        ({"move": {"prompt_id": "a", "position": -1}}, 400),
        ({"move": {"prompt_id": "a", "position": True}}, 400),
        ({"move": {"prompt_id": "x", "position": 0}}, 404),
        ({"clear": True, "pause": 1}, 400),
    ],
)
def test_what_is_no_change_is_refused_and_changes_nothing(tmp_path: Path, body: Any, status: int):
    async def test(api: Api) -> None:
        api.add(id="a")
        assert (await api.call("POST", "/queue", json=body))[0] == status
        assert [job.id for job in api.jobs.pending()] == ["a"]

    run(tmp_path, test)


def test_interrupting_takes_any_body(tmp_path: Path):
    async def test(api: Api) -> None:
        for data in (
            b"",
            b"{}",
            b"no json",
            b"[]",
            b'{"prompt_id": 5}',
            b"[" * 100_000,
            b"\xff",
            b'{"prompt_id": "a"}',
        ):
            assert (await api.call("POST", "/interrupt", data=data))[0] == 200
        assert api.dispatcher.interrupted == [None] * 7 + ["a"]

    run(tmp_path, test)


def test_freeing_is_told_to_the_worker(tmp_path: Path):
    async def test(api: Api) -> None:
        for body in ({"unload_models": True}, {"free_memory": True}, {}):
            assert (await api.call("POST", "/free", json=body))[0] == 200
        assert [asked for _, asked in api.worker.asked] == [
            {"payload": b"", "models": True, "values": False},
            {"payload": b"", "models": True, "values": True},
        ]
        api.worker.ready = False
        assert (await api.call("POST", "/free", json={"free_memory": True}))[0] == 200
        assert len(api.worker.asked) == 2

    run(tmp_path, test)


def test_a_worker_that_died_has_freed_its_memory(tmp_path: Path):
    async def test(api: Api) -> None:
        assert (await api.call("POST", "/free", json={"free_memory": True}))[0] == 200

    run(tmp_path, test, {"free": WorkerLost(Death(signal="SIGKILL"))})
