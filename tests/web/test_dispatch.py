"""Jobs run one after the other, each once, whatever happens; and clients are told in the standard's order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from executor import events, ledger
from executor.jobs import JobsError
from executor.worker.supervisor import Death, Refused, WorkerLost
from tests.web.played import CANCELLED, GRAPH, OK, PICTURE, Player, Say, Script, Stage, fails, plays, staged, until
from tests.web.played import whole_run as whole
from web import dispatch

KILLED = Death(signal="SIGKILL", node="2", node_type="Show", memory=5_200_000_000)


def play(base: Path, test: Callable[[Stage], Awaitable[None]], *scripts: Script, **more: Any) -> None:
    async def main() -> None:
        async with staged(base, *(scripts or (plays(*whole()),)), **more) as stage:
            await asyncio.wait_for(test(stage), 30)

    asyncio.run(main())


def waiting(*said: events.Event) -> Script:
    """A run that goes on until it is cancelled."""

    async def script(player: Player, say: Say) -> dict[str, Any]:
        for event in said or whole()[:4]:
            say(event)
        await asyncio.Event().wait()
        return OK

    return script


def test_a_job_from_the_queue_to_the_history(tmp_path: Path):
    async def test(stage: Stage) -> None:
        finished = list[str]()
        stage.dispatcher.on_finished.append(lambda job: finished.append(job.id))
        job = stage.add(extra={"extra_pnginfo": {"workflow": {"id": "w"}}}, force=True, preview="taesd")
        done = await stage.ended(job)
        assert (done.state, done.outputs, done.seconds) == ("success", {"2": PICTURE}, {"1": 0.5, "2": 0.25})
        assert [type for type, _ in done.messages] == ["execution_start", "execution_cached", "execution_success"]
        assert stage.worker.requests == [
            {
                "job": job.id,
                "graph": GRAPH,
                "targets": ["2"],
                "extra_pnginfo": {"workflow": {"id": "w"}},
                "force": True,
                "preview": "taesd",
                "preview_size": 512,
            }
        ]
        assert finished == [job.id]

    play(tmp_path, test)


def test_the_order_of_the_messages_is_the_standards(tmp_path: Path):
    async def test(stage: Stage) -> None:
        job = stage.add()
        await stage.ended(job)
        id = {"prompt_id": job.id}
        assert stage.hub.of("me", "progress_state") == [
            ("execution_start", id),
            ("execution_cached", {"nodes": [], **id}),
            ("executing", {"node": "1", "display_node": "1", **id}),
            ("executing", {"node": "2", "display_node": "2", **id}),
            ("progress", {"value": 1, "max": 2, "node": "2", **id}),
            ("progress", {"value": 2, "max": 2, "node": "2", **id}),
            ("executed", {"node": "2", "display_node": "2", "output": PICTURE, **id}),
            ("execution_success", id),
            ("status", {"status": {"exec_info": {"queue_remaining": 0}}}),
            ("executing", {"node": None, **id}),
        ]
        assert stage.hub.types("me")[-4] == "progress_state", "the last state comes before the end"
        states = {type: state for sid, type, _, state in stage.hub.all if sid == "me"}
        assert (states["executed"], states["execution_success"], states["executing"]) == (
            "running",
            "success",
            "success",
        ), "the history has the job before its end is told"

    play(tmp_path, test)


def test_what_is_cached_is_told_once_and_shown_again(tmp_path: Path):
    said = [
        events.Started(("2",), 2),
        events.CachedSet(("1", "2")),
        events.NodeFinished("2", PICTURE, 0.0, 20, cached=True),
        events.Finished((), (), 0.0),
    ]

    async def test(stage: Stage) -> None:
        job = stage.add()
        done = await stage.ended(job)
        assert stage.hub.types("me") == [
            "execution_start",
            "execution_cached",
            "executed",
            "execution_success",
            "status",
            "executing",
        ]
        assert done.cached == ("2",)
        assert stage.metrics.hits == 2
        assert stage.durable(job)[1] == ("output", {"node": "2", "output": PICTURE, "cached": True})

    play(tmp_path, test, plays(*said))


def test_jobs_of_an_earlier_life_run_in_their_order(tmp_path: Path):
    async def test(stage: Stage) -> None:
        jobs = [stage.jobs.add(GRAPH, ["2"])[0] for _ in range(3)]
        stage.jobs.claim()
        stage.dispatcher.start()
        stage.jobs.put_back(jobs[0].id, crashed=False)
        for job in jobs:
            assert (await stage.ended(job)).state == "success"
        assert [r["job"] for r in stage.worker.requests] == [job.id for job in jobs]

    play(tmp_path, test, start=False)


def test_a_paused_queue_gives_out_nothing_until_it_goes_on(tmp_path: Path):
    async def test(stage: Stage) -> None:
        stage.jobs.paused = True
        job = stage.add()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert stage.worker.requests == []
        stage.jobs.paused = False
        stage.dispatcher.wake()
        assert (await stage.ended(job)).state == "success"

    play(tmp_path, test)


def test_a_job_of_no_client_is_told_to_nobody(tmp_path: Path):
    async def test(stage: Stage) -> None:
        await stage.ended(stage.add(client_id=None))
        assert {type for _, type, _, _ in stage.hub.all} == {"status"}

    play(tmp_path, test)


# --- failures ---

FAILED = events.NodeFailed("1", "Load", "ValueError", "no such thing", ("Traceback\n", "ValueError\n"), {"name": "x"})


def test_a_failed_node_ends_the_job_as_failed_once_all_else_is_done(tmp_path: Path):
    said = [
        events.Started(("2", "3"), 3),
        events.NodeStarted("1", "Load"),
        FAILED,
        events.NodeStarted("3", "Show"),
        events.NodeFinished("3", PICTURE, 0.1, 1),
        events.Finished(("1",), ("2",), 0.1),
    ]

    async def test(stage: Stage) -> None:
        job = stage.add()
        done = await stage.ended(job)
        assert (done.state, done.outputs) == ("error", {"3": PICTURE})
        error = {
            "prompt_id": job.id,
            "node_id": "1",
            "node_type": "Load",
            "executed": ["3"],
            "exception_message": "no such thing",
            "exception_type": "ValueError",
            "traceback": ["Traceback\n", "ValueError\n"],
            "current_inputs": {"name": ["x"]},
            "current_outputs": ["3"],
        }
        told = stage.hub.of("me", "progress_state", "executing")
        assert told[-3:-1] == [("executed", told[-3][1]), ("execution_error", error)]
        assert done.error is not None
        assert done.error.items() > error.items()
        assert done.messages[-1] == ["execution_error", done.error]
        assert [type for type, _ in stage.durable(job)] == ["status", "error", "output", "end"]
        assert stage.durable(job)[-1] == ("end", {"status": "failed"})

    play(tmp_path, test, plays(*said, reply={**OK, "ok": False, "failed": ["1"], "skipped": ["2"]}))


def test_the_other_failures_are_named_too(tmp_path: Path):
    other = events.NodeFailed("2", "Show", "KeyError", "'k'", (), {})
    said = [events.Started(("2",), 2), FAILED, other, events.Finished(("1", "2"), (), 0.1)]

    async def test(stage: Stage) -> None:
        done = await stage.ended(stage.add())
        assert done.error is not None
        assert done.error["also_failed"] == [
            {"node_id": "2", "node_type": "Show", "exception_type": "KeyError", "exception_message": "'k'"}
        ]
        assert stage.hub.types("me").count("execution_error") == 1

    play(tmp_path, test, plays(*said, reply={**OK, "ok": False, "failed": ["1", "2"]}))


def test_a_graph_that_became_invalid_fails_with_its_problems(tmp_path: Path):
    async def test(stage: Stage) -> None:
        job = stage.add()
        done = await stage.ended(job)
        assert done.error is not None
        assert (done.state, done.error["exception_type"]) == ("error", "InvalidGraph")
        assert done.error["exception_message"] == "1 (Load) ckpt_name: there is no a.safetensors"
        assert [type for type, _ in stage.durable(job)] == ["status", "error", "end"]

    play(tmp_path, test, fails(Refused("invalid", "1 (Load) ckpt_name: there is no a.safetensors")))


def test_a_worker_that_dies_once_costs_no_job(tmp_path: Path):
    async def test(stage: Stage) -> None:
        job = stage.add()
        done = await stage.ended(job)
        assert (done.state, done.crashes, stage.metrics.crashes) == ("success", 1, 1)
        assert stage.hub.types("me").count("execution_start") == 2
        assert stage.hub.types("me").count("execution_error") == 0
        words = [data["status"] for type, data in stage.durable(job) if type in ("status", "end")]
        assert words == ["in_progress", "pending", "in_progress", "completed"]

    play(tmp_path, test, fails(WorkerLost(KILLED), *whole()[:4]), plays(*whole()))


def test_a_job_that_killed_the_worker_twice_is_not_tried_again(tmp_path: Path):
    async def test(stage: Stage) -> None:
        job, other = stage.add(), stage.add()
        done = await stage.ended(job)
        assert (done.state, done.crashes) == ("error", 1)
        assert done.error is not None
        message = done.error["exception_message"]
        for part in ("SIGKILL", "out of memory", "Show 2", "5.2 GB", "second time"):
            assert part in message
        assert (done.error["exception_type"], done.error["signal"]) == ("WorkerLost", "SIGKILL")
        assert (done.error["node_id"], done.error["node_type"]) == ("2", "Show")
        assert (await stage.ended(other)).state == "success"

    lost = fails(WorkerLost(KILLED), *whole()[:4])
    play(tmp_path, test, lost, lost, plays(*whole()))


def test_a_worker_that_is_not_there_costs_the_job_no_try(tmp_path: Path):
    async def test(stage: Stage) -> None:
        done = await stage.ended(stage.add())
        assert (done.state, done.crashes) == ("success", 0)
        assert len(stage.worker.requests) == 6

    missing = fails(WorkerLost(Death(was_ready=False), sent=False))
    play(tmp_path, test, *[missing] * 5, plays(*whole()))


def test_a_fault_of_ours_fails_one_job_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def test(stage: Stage) -> None:
        def broken(*_: Any) -> None:
            raise RuntimeError("a bug")

        job, other = stage.add(), stage.add()
        monkeypatch.setattr(stage.jobs, "output", broken)
        stage.dispatcher.on_finished.append(lambda job: monkeypatch.undo())
        done = await stage.ended(job)
        assert done.error is not None
        assert (done.state, done.error["exception_message"]) == ("error", "a bug")
        assert (await stage.ended(other)).state == "success"
        assert "a bug" in caplog.text

    play(tmp_path, test)


def test_the_end_of_a_job_is_recorded_when_the_disk_has_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(dispatch, "AFTER_FAULT", 0.0)

    async def test(stage: Stage) -> None:
        finish, tries = stage.jobs.finish, list[str]()

        def full(*given: Any, **more: Any) -> Any:
            tries.append("")
            if len(tries) < 4:
                raise JobsError("the disk is full")
            return finish(*given, **more)

        stage.jobs.finish = full
        assert (await stage.ended(stage.add())).state == "success"
        assert len(stage.worker.requests) == 1
        assert "the disk is full" in caplog.text

    play(tmp_path, test)


def test_the_loop_outlives_a_fault_of_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(dispatch, "AFTER_FAULT", 0.0)

    async def test(stage: Stage) -> None:
        claim, tries = stage.jobs.claim, list[str]()

        def broken() -> Any:
            tries.append("")
            if len(tries) < 4:
                raise JobsError("the file cannot be read")
            return claim()

        stage.jobs.claim = broken
        stage.dispatcher.start()
        assert (await stage.ended(stage.add())).state == "success"
        assert "the file cannot be read" in caplog.text

    play(tmp_path, test, start=False)


def test_what_clients_are_told_names_no_folder_of_the_machine(tmp_path: Path):
    lines = (f'  File "{Path(dispatch.__file__)}", line 1\n', '  File "/opt/secret/x.py", line 2\n')
    failed = events.NodeFailed("1", "Load", "OSError", f"{tmp_path}/models/a.ckpt is short", lines, {"at": "/opt/q/b"})

    async def test(stage: Stage) -> None:
        job = stage.add()
        done = await stage.ended(job)
        everything = repr((done.messages, done.error, stage.hub.all, stage.durable(job)))
        assert not [p for p in (str(tmp_path), str(Path.cwd()), "/opt", "secret") if p in everything]
        assert done.error is not None
        assert done.error["exception_message"] == "models/a.ckpt is short"
        assert done.error["traceback"] == ['  File "web/dispatch.py", line 1\n', '  File "x.py", line 2\n']
        assert ("warning", {"message": "models/b is damaged"}) in stage.durable(job)

    said = [events.Started(("2",), 2), events.Warned(f"{tmp_path}/models/b is damaged"), failed]
    play(tmp_path, test, plays(*said, reply={**OK, "ok": False, "failed": ["1"]}))


# --- ending them early ---


def obeying(*said: events.Event) -> Script:
    """A run that goes on until the worker is told to cancel."""

    async def script(player: Player, say: Say) -> dict[str, Any]:
        for event in said:
            say(event)
        await player.cancelled.wait()
        say(events.Cancelled("1"))
        return CANCELLED

    return script


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("client", ["me", None])
def test_the_running_job_is_interrupted(tmp_path: Path, named: bool, client: str | None):
    async def test(stage: Stage) -> None:
        job = stage.add(client_id=client)
        await until(lambda: stage.dispatcher.live and stage.dispatcher.live.current())
        assert await stage.dispatcher.interrupt(job.id if named else None)
        done = await stage.ended(job)
        assert (done.state, done.error) == ("cancelled", None)
        data = {"prompt_id": job.id, "node_id": "1", "node_type": "Load", "executed": []}
        assert ("execution_interrupted", data) in stage.hub.of(client)
        assert stage.worker.asked == [("cancel", {"job": job.id})]
        assert stage.durable(job)[-1] == ("end", {"status": "cancelled"})

    play(tmp_path, test, obeying(*whole()[:2]))


def test_an_interrupt_before_the_worker_knows_of_the_job_is_not_lost(tmp_path: Path):
    begin = asyncio.Event()

    async def late(player: Player, say: Say) -> dict[str, Any]:
        await begin.wait()
        return await obeying(*whole()[:1])(player, say)

    async def test(stage: Stage) -> None:
        job = stage.add()
        await until(lambda: stage.worker.requests)
        assert await stage.dispatcher.interrupt(None)
        stage.worker.cancelled.clear()  # it knew of no such job
        begin.set()
        assert (await stage.ended(job)).state == "cancelled"

    play(tmp_path, test, late)


def test_an_interrupt_of_a_waiting_job_takes_it_away(tmp_path: Path):
    async def test(stage: Stage) -> None:
        running, pending = stage.add(), stage.add()
        await until(lambda: stage.worker.requests)
        assert await stage.dispatcher.interrupt(pending.id)
        assert stage.jobs.get(pending.id) is None
        assert stage.dispatcher.live is not None
        assert stage.dispatcher.live.job.id == running.id

    play(tmp_path, test, waiting())


def test_a_node_that_does_not_hear_is_ended_with_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    killed = asyncio.Event()

    async def stuck(player: Player, say: Say) -> dict[str, Any]:
        await plays(*whole()[:2])(player, say)
        await killed.wait()
        raise WorkerLost(KILLED)

    async def test(stage: Stage) -> None:
        monkeypatch.setattr(stage.worker, "kill", killed.set, raising=False)
        job = stage.add()
        await until(lambda: stage.dispatcher.live and stage.dispatcher.live.current())
        assert await stage.dispatcher.interrupt(job.id)
        assert await stage.dispatcher.interrupt(job.id)
        assert not killed.is_set(), "impatience alone ends no process"
        monkeypatch.setattr("web.dispatch.STUBBORN", -1.0)
        assert await stage.dispatcher.interrupt(job.id)
        assert (await stage.ended(job)).state == "cancelled"

    play(tmp_path, test, stuck)


def test_there_may_be_nothing_to_interrupt(tmp_path: Path):
    async def test(stage: Stage) -> None:
        assert not await stage.dispatcher.interrupt(None)
        assert not await stage.dispatcher.interrupt("unknown")

    play(tmp_path, test)


def test_a_worker_that_dies_of_a_cancelled_job_ends_it_as_cancelled(tmp_path: Path):
    async def dying(player: Player, say: Say) -> dict[str, Any]:
        await obeying(*whole()[:2])(player, say)
        raise WorkerLost(KILLED)

    async def test(stage: Stage) -> None:
        job = stage.add()
        await until(lambda: stage.dispatcher.live and stage.dispatcher.live.started)
        await stage.dispatcher.interrupt(job.id)
        assert (await stage.ended(job)).state == "cancelled"

    play(tmp_path, test, dying)


# --- stopping ---


def test_a_stop_lets_the_job_finish(tmp_path: Path):
    finish = asyncio.Event()

    async def slow(player: Player, say: Say) -> dict[str, Any]:
        await finish.wait()
        return await plays(*whole())(player, say)

    async def test(stage: Stage) -> None:
        job, other = stage.add(), stage.add()
        await until(lambda: stage.worker.requests)
        stopping = asyncio.ensure_future(stage.dispatcher.stop(grace=30))
        await asyncio.sleep(0)
        finish.set()
        await stopping
        assert (await stage.ended(job)).state == "success"
        assert [waiting.id for waiting in stage.jobs.pending()] == [other.id]

    play(tmp_path, test, slow)


def test_a_stop_puts_back_a_job_that_takes_too_long(tmp_path: Path):
    async def test(stage: Stage) -> None:
        job, other = stage.add(), stage.add()
        await until(lambda: stage.worker.requests)
        await stage.dispatcher.stop(grace=0)
        assert [(w.id, w.crashes) for w in stage.jobs.pending()] == [(job.id, 0), (other.id, 0)]
        assert stage.dispatcher.live is None

    play(tmp_path, test, waiting())


# --- the ledger of saved files ---


def test_the_ledger_is_forgotten_when_the_job_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    forgotten = list[tuple[Path, str, str | None]]()

    async def test(stage: Stage) -> None:
        def forget(base: Path, job: str) -> None:
            found = stage.jobs.get(job)
            forgotten.append((base, job, found and found.state))

        monkeypatch.setattr(ledger, "forget", forget)
        job = stage.add()
        await stage.ended(job)
        await until(lambda: forgotten)
        assert forgotten == [(tmp_path, job.id, "success")]

    play(tmp_path, test)


def test_a_start_sweeps_the_ledgers_of_jobs_that_are_over(tmp_path: Path):
    folder = tmp_path / "cache" / "saving"
    folder.mkdir(parents=True)

    async def test(stage: Stage) -> None:
        stage.jobs.paused = True
        job, _ = stage.jobs.add(GRAPH, ["2"])
        for name in (job.id, "gone"):
            (folder / f"{name}.jsonl").touch()
        stage.dispatcher.start()
        assert [path.stem for path in folder.iterdir()] == [job.id]

    play(tmp_path, test, start=False)


# --- what all clients are told ---


def test_the_length_of_the_queue_is_not_told_more_often_than_is_of_use(tmp_path: Path):
    async def test(stage: Stage) -> None:
        stage.jobs.paused = True
        for _ in range(300):
            stage.add()
        await until(lambda: stage.hub.of(None)[-1][1] == {"status": {"exec_info": {"queue_remaining": 300}}})
        assert len(stage.hub.of(None)) < 100

    play(tmp_path, test)


def test_a_client_that_comes_back_is_told_how_far_its_job_is(tmp_path: Path):
    async def test(stage: Stage) -> None:
        assert stage.dispatcher.greeting("me") == [
            ("status", {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "me"})
        ]
        job = stage.add()
        await until(lambda: stage.dispatcher.live and stage.dispatcher.live.current() == "2")
        _, executing, state = stage.dispatcher.greeting("me")
        assert executing == ("executing", {"node": "2", "display_node": "2", "prompt_id": job.id})
        assert state[0] == "progress_state"
        assert {id: node["state"] for id, node in state[1]["nodes"].items()} == {"1": "finished", "2": "running"}
        assert len(stage.dispatcher.greeting("other")) == 1

    play(tmp_path, test, waiting())


def test_a_player_is_a_worker():
    """The fake has what the dispatcher uses of the real one."""
    from executor.worker.supervisor import Worker

    assert all(callable(getattr(Worker, name)) for name in ("run", "ask", "wait_ready"))
    assert all(callable(getattr(Player, name)) for name in ("run", "ask", "wait_ready"))
