"""A worker that dies, however it does, is told of with its signal, its node and its memory, and another one starts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from executor.worker import supervisor
from executor.worker.lost import Death, named
from executor.worker.supervisor import Worker, WorkerLost
from tests.executor.processes import Log, command, one, until, within, working

ADD = one("Show", a=1)


async def lose(worker: Worker, **job: object) -> WorkerLost:
    with pytest.raises(WorkerLost) as lost:
        await worker.run(Log(), **job)
    return lost.value


# --- deaths --------------------------------------------------------------------------------------


def test_however_it_dies_the_next_job_runs(tmp_path: Path):
    async def work() -> None:
        async with working(tmp_path) as worker:
            for how, words in (
                ("SIGKILL", "was killed by SIGKILL (perhaps out of memory) while it ran Die 1; it used "),
                ("SIGSEGV", "crashed with SIGSEGV while it ran Die 1; it used "),
                ("7", "ended with exit code 7 while it ran Die 1; it used "),
            ):
                lost = await lose(worker, **one("Die", how=how))
                assert str(lost).startswith(f"the worker process {words}")
                assert str(lost).endswith(" MB")
                assert (lost.node, lost.node_type, lost.sent) == ("1", "Die", True)
                assert lost.signal == (how if how.startswith("SIG") else None)
                assert lost.exit_code == (None if how.startswith("SIG") else 7)
                assert lost.memory
                assert lost.memory > 10_000_000
                assert ("Fatal Python error: Segmentation fault" in lost.log) == (how == "SIGSEGV")
                assert (await worker.run(Log(), **ADD))["ok"]
            assert worker.restarts == 3

    within(work())


def test_a_death_while_nothing_runs_costs_nothing(tmp_path: Path):
    async def work() -> None:
        async with working(tmp_path) as worker:
            await worker.run(Log(), **ADD)
            assert worker.pid
            assert worker.memory() > 10_000_000
            os.kill(worker.pid, signal.SIGKILL)
            assert (await worker.ask("stats"))["torch"] == ""  # asked again of the next one
            assert worker.restarts == 1
            os.kill(worker.pid, signal.SIGKILL)
            await until(lambda: not worker.ready)
            assert (await worker.run(Log(), **ADD))["ok"]

    within(work())


def test_all_who_wait_are_told(tmp_path: Path):
    begun = tmp_path / "begun"

    async def work() -> None:
        async with working(tmp_path) as worker:
            asked = [
                asyncio.create_task(worker.run(Log(), **one("Hang", begun=str(begun)))),
                asyncio.create_task(worker.run(Log(), **one("Hang", begun="") | {"job": "second"})),
            ]
            await until(begun.exists)
            assert worker.pid
            os.kill(worker.pid, signal.SIGTERM)
            for task in asked:
                with pytest.raises(WorkerLost, match="was killed by SIGTERM while it ran Hang 1; it used"):
                    await task

    within(work())


def test_what_a_killed_run_had_saved_is_not_saved_again(tmp_path: Path):
    """The whole way: saved in the first life, told again in the second."""
    graph = {
        "1": {"class_type": "SaveText", "inputs": {"text": "x", "copies": 2}},
        "2": {"class_type": "Die", "inputs": {"if_missing": str(tmp_path / "died")}},
    }
    job = {"job": "j", "graph": graph, "targets": ["1", "2"]}

    async def work() -> None:
        async with working(tmp_path) as worker:
            await lose(worker, **job)
            log = Log()
            assert (await worker.run(log, **job))["ok"]
            (saved,) = [e["ui"]["images"] for e in log if e["event"] == "node_finished" and e["node"] == "1"]
            assert [f["filename"] for f in saved] == ["text_00001_.txt", "text_00002_.txt"]

    within(work())
    assert sorted(p.name for p in (tmp_path / "output").iterdir()) == ["text_00001_.txt", "text_00002_.txt"]


def test_the_children_of_a_dead_worker_hold_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """They have its pipes."""
    monkeypatch.setattr("executor.worker.child.DRAIN", 0.05)

    async def work() -> None:
        async with working(tmp_path) as worker:
            lost = await lose(worker, **one("Orphan", seconds=20))
            assert lost.exit_code == 3
            assert (await worker.run(Log(), **ADD))["ok"]

    within(work(), 15)


@pytest.mark.parametrize(
    ("death", "text"),
    [
        (Death("SIGBUS", None, "3", "Mix", 5_200_000_000), "crashed with SIGBUS while it ran Mix 3; it used 5.2 GB"),
        (Death(exit_code=0, memory=44_400_000), "ended with exit code 0; it used 44 MB"),
        (Death(exit_code=0xC0000005), "ended with exit code 0xc0000005"),
        (Death(exit_code=1, log="a\nno x\n", was_ready=False), "ended with exit code 1 before it was ready: no x"),
        (Death(reason="is stopped"), "is stopped"),
        (Death(named(64)), "was killed by SIGRTMAX"),
        (Death(named(99)), "was killed by signal 99"),
    ],
)
def test_the_words_for_a_death(death: Death, text: str):
    assert str(WorkerLost(death)) == f"the worker process {text}"


# --- starts that fail -----------------------------------------------------------------------------


def test_a_worker_that_cannot_start_is_told_at_once(tmp_path: Path):
    lines: list[str] = []

    async def work() -> None:
        worker = Worker(command(tmp_path, nodes="no_such_module"), on_log=lines.append)
        await worker.start()
        with pytest.raises(WorkerLost) as lost:
            await worker.ask("describe")
        assert str(lost.value).endswith("before it was ready: ModuleNotFoundError: No module named 'no_such_module'")
        assert "Traceback" in lost.value.log
        assert not lost.value.sent
        with pytest.raises(WorkerLost):
            await worker.run(Log(), **ADD)
        waiting = asyncio.create_task(worker.wait_ready())
        await until(lambda: worker.restarts)
        assert not worker.ready
        assert not waiting.done()
        await worker.stop()
        with pytest.raises(WorkerLost, match="is stopped"):
            await waiting
        with pytest.raises(WorkerLost, match="is stopped"):
            await worker.ask("stats")

    within(work())
    waits = [line.rpartition("again in ")[2] for line in lines if "again in" in line]
    assert waits[:2] == ["0.1 s", "0.2 s"][: len(waits)]


def test_no_such_program():
    async def work() -> None:
        worker = Worker(["/no/such/program"])
        await worker.start()
        await asyncio.sleep(0)
        await until(lambda: worker.restarts)
        with pytest.raises(WorkerLost, match=r"cannot be started: .*No such file"):
            await worker.ask("stats")
        await worker.stop()

    within(work())


def test_it_waits_longer_after_each_death_and_less_after_a_healthy_life(monkeypatch: pytest.MonkeyPatch):
    waits: list[str] = []

    async def deaths(count: int) -> None:
        worker = Worker([sys.executable, "-c", ""], on_log=lambda line: waits.append(line.rpartition(" in ")[2]))
        await worker.start()
        await until(lambda: len(waits) >= count)
        await worker.stop()

    monkeypatch.setattr(supervisor, "LONGEST_WAIT", 0.3)
    within(deaths(4))
    assert waits[:4] == ["0.1 s", "0.2 s", "0.3 s", "0.3 s"]
    waits.clear()
    monkeypatch.setattr(supervisor, "HEALTHY", 0.0)
    within(deaths(3))
    assert waits[:3] == ["0.1 s"] * 3


# --- the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("obeys", "last"), [(True, signal.SIGTERM), (False, signal.SIGKILL)])
def test_a_worker_that_hangs_is_ended(
    tmp_path: Path, obeys: bool, last: signal.Signals, monkeypatch: pytest.MonkeyPatch
):
    begun = tmp_path / "begun"

    async def work() -> None:
        worker = Worker(command(tmp_path))
        await worker.start()
        run = asyncio.create_task(worker.run(Log(), **one("Hang", begun=str(begun), obeys=obeys)))
        await until(begun.exists)
        await worker.stop(grace=0.2)
        with pytest.raises(WorkerLost) as lost:
            await run
        assert lost.value.signal == last.name
        assert worker.pid is None

    within(work())


def test_a_running_job_is_cancelled_by_a_stop(tmp_path: Path):
    begun = tmp_path / "begun"

    async def work() -> None:
        worker = Worker(command(tmp_path))
        await worker.start()
        run = asyncio.create_task(worker.run(Log(), **one("Wait", begun=str(begun))))
        await until(begun.exists)
        await worker.stop()
        assert (await run)["cancelled"]

    within(work())


def test_stops_at_any_moment(tmp_path: Path):
    async def work() -> None:
        await Worker(command(tmp_path)).stop()  # never started
        for moment in range(12):
            worker = Worker(command(tmp_path))
            await worker.start()
            for _ in range(moment):
                await asyncio.sleep(0)
            await worker.stop()
            assert worker.pid is None
        worker = Worker(command(tmp_path))
        await worker.start()
        await worker.wait_ready()
        await worker.stop()
        await worker.stop()

    within(work())


def test_a_loop_that_ends_leaves_no_process(tmp_path: Path):
    pids: list[int] = []

    async def work() -> None:
        worker = Worker(command(tmp_path), on_hello=lambda hello: pids.append(hello["pid"]))
        await worker.start()
        await worker.wait_ready()

    within(work())
    within(
        until(
            lambda: not Path(f"/proc/{pids[0]}/stat").exists() or b" Z " in Path(f"/proc/{pids[0]}/stat").read_bytes()
        )
    )


def test_an_answer_that_does_not_come(tmp_path: Path):
    async def work() -> None:
        async with working(tmp_path) as worker:
            await worker.wait_ready()
            assert worker.pid
            os.kill(worker.pid, signal.SIGSTOP)
            with pytest.raises(TimeoutError, match=r"no answer to 'stats' within 0.1 seconds"):
                await worker.ask("stats", timeout=0.1)
            os.kill(worker.pid, signal.SIGCONT)
            assert await worker.ask("stats")

    within(work())


def test_a_stream_that_is_no_stream(tmp_path: Path):
    async def work() -> None:
        worker = Worker([sys.executable, "-uc", "print('hello, I am no worker'); input()"])
        await worker.start()
        with pytest.raises(WorkerLost, match="was ended, since it sent no frame"):
            await worker.ask("stats")
        await worker.stop()

    within(work())
