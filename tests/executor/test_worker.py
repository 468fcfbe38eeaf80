"""The worker process: what it answers while it runs a job, and what it keeps from its nodes."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from executor.files import Files
from executor.fingerprint import CODE, fingerprint
from executor.worker import frames
from executor.worker.running import Runner
from executor.worker.supervisor import Refused, Worker
from tests.executor.processes import NODES, ROOT, Log, command, one, until, within, working

GRAPH = {
    "1": {"class_type": "Add", "inputs": {"a": 3}},
    "2": {"class_type": "Show", "inputs": {"a": ["1", 0]}},
}
CHAIN = {"job": "j", "graph": GRAPH, "targets": ["2"]}


def test_a_run_tells_all_its_events_and_then_how_it_ended(tmp_path: Path):
    async def work() -> None:
        async with working(tmp_path) as worker:
            log, again, forced = Log(), Log(), Log()
            assert await worker.run(log, **CHAIN) == {"ok": True, "cancelled": False, "failed": [], "skipped": []}
            await worker.run(again, **CHAIN)
            await worker.run(forced, **CHAIN, force=True)
        assert log.names() == ["started", *["node_started", "node_finished"] * 2, "finished"]
        assert log[-2]["ui"] == {"values": [4]}
        assert again.names() == ["started", "cached_set", "node_finished", "finished"]
        assert forced.names() == log.names()

    within(work())


def test_nodes_cannot_reach_the_pipes(tmp_path: Path):
    lines: list[str] = []

    async def work() -> None:
        worker = Worker(command(tmp_path), on_log=lines.append)
        await worker.start()
        log = Log()
        await worker.run(log, **one("Print", text="hello"))
        assert log[2]["ui"] == {"values": ["", ""]}
        await until(lambda: len(lines) == 2)
        await worker.stop()

    within(work())
    assert sorted(lines) == ["hello", "hello again"]


@pytest.mark.parametrize("others", [None, f"/one{os.pathsep}/two"])
def test_programs_that_nodes_start_find_the_environment_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: str | None
):
    if others:
        monkeypatch.setenv("PYTHONPATH", others)
    else:
        monkeypatch.delenv("PYTHONPATH", raising=False)

    async def work() -> None:
        async with working(tmp_path) as worker:
            log = Log()
            await worker.run(log, **one("Environment"))
            assert log[2]["ui"] == {"values": [others, None]}

    within(work())


def test_failures_are_events_and_an_answer(tmp_path: Path):
    async def work() -> None:
        async with working(tmp_path) as worker:
            log = Log()
            got = await worker.run(log, **one("Fail", message="no way"))
            assert (got["ok"], got["failed"]) == (False, ["1"])
            (failure,) = [e for e in log if e["event"] == "node_failed"]
            assert (failure["error"], failure["message"]) == ("ValueError", "no way")
            got = await worker.run(log, **one("ShowOdd", a=1))
            assert got["ok"]
            assert "warned" in log.names()

    within(work())


def test_a_graph_that_became_invalid(tmp_path: Path):
    model = tmp_path / "models" / "checkpoints" / "a.safetensors"
    model.parent.mkdir(parents=True)
    model.touch()
    graph = GRAPH | {
        "3": {"class_type": "LoadModel", "inputs": {"name": "a.safetensors"}},
        "4": {"class_type": "Show", "inputs": {"a": ["3", 0]}},
    }

    async def work() -> None:
        async with working(tmp_path) as worker:
            ready = await worker.ask("prepare", document=graph)
            assert ready["targets"] == ["2", "4"]
            model.unlink()
            log = Log()
            got = await worker.run(log, job="j", graph=graph, targets=ready["targets"])
            assert got == {"ok": False, "cancelled": False, "failed": ["3"], "skipped": ["4"]}
            (failure,) = [e for e in log if e["event"] == "node_failed"]
            assert "a.safetensors" in failure["message"]
            assert [e["node"] for e in log if e["event"] == "node_finished"] == ["1", "2"]
            for request in ({"graph": graph, "targets": ["4"]}, {"graph": {}, "targets": ["9"]}):
                with pytest.raises(Refused) as refused:
                    await worker.run(log, job="j", **request)
                assert refused.value.kind == "invalid"
            for document, kind in ((5, "document"), ({"nodes": []}, None)):
                with suppress(Refused) if kind is None else pytest.raises(Refused):
                    await worker.ask("prepare", document=document)

    within(work())


def test_it_answers_while_it_runs_and_obeys(tmp_path: Path):
    begun = tmp_path / "begun"

    async def work() -> None:
        async with working(tmp_path) as worker:
            first = asyncio.create_task(worker.run(Log(), **one("Wait", begun=str(begun))))
            second = asyncio.create_task(worker.run(Log(), **one("Wait") | {"job": "second"}))
            await until(begun.exists)
            assert (await worker.ask("prepare", document=GRAPH))["targets"] == ["2"]
            assert (await worker.ask("stats"))["torch"] == ""
            assert await worker.ask("cancel", job="another") == {}
            assert await worker.ask("cancel", job="second") == {}  # before it begins
            assert await worker.ask("free", models=True, values=True) == {}
            assert not first.done()
            await worker.ask("cancel", job="j")
            for run in (first, second):
                got = await run
                assert (got["ok"], got["cancelled"]) == (False, True)
            assert (await worker.run(Log(), **CHAIN))["ok"]

    within(work())


def test_a_job_whose_task_is_cancelled_is_cancelled(tmp_path: Path):
    begun = tmp_path / "begun"

    async def work() -> None:
        async with working(tmp_path) as worker:
            run = asyncio.create_task(worker.run(Log(), **one("Wait", begun=str(begun))))
            await until(begun.exists)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            assert (await worker.run(Log(), **CHAIN))["ok"]

            def wrong(event: dict[str, Any], payload: bytes) -> None:
                raise KeyError("a bug of who listens")

            with pytest.raises(KeyError):
                await worker.run(wrong, **one("Wait"))
            assert (await worker.run(Log(), **CHAIN))["ok"]

    within(work())


def test_pictures_and_folders_elsewhere(tmp_path: Path):
    out, more = tmp_path / "out", tmp_path / "more"
    more.mkdir()
    (more / "b.safetensors").touch()

    async def work() -> None:
        async with working(tmp_path, "--output", str(out), "--extra", f"checkpoints={more}") as worker:
            nodes = (await worker.ask("describe"))["nodes"]
            assert nodes["LoadModel"]["input"]["required"]["name"][0] == ["b.safetensors"]
            log = Log()
            await worker.run(log, **one("SaveText", text="x", copies=2))
            await worker.run(log, **one("SaveText", text="x", copies=2), force=True)  # the same job: nothing new
            assert [e["ui"] for e in log if e["event"] == "node_finished"] == 2 * [
                {"images": [{"filename": f"text_0000{i}_.txt", "subfolder": "", "type": "output"} for i in (1, 2)]}
            ]
        assert sorted(p.name for p in out.iterdir()) == ["text_00001_.txt", "text_00002_.txt"]

    within(work())


def test_of_progress_the_last_arrives(tmp_path: Path):
    async def work() -> None:
        async with working(tmp_path) as worker:
            log = Log()
            await worker.run(log, **one("Steps", n=1000))
        steps = [e["value"] for e in log if e["event"] == "progressed"]
        assert steps == sorted(set(steps))
        assert steps[-1] == 1000

    within(work())


def test_results_on_disk_are_found_by_the_next_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def slow() -> list[str]:
        env = {"MEZZOTINT_PRECISION": "fp32", "MEZZOTINT_DEVICE": "cpu"}
        async with working(tmp_path, env=env) as worker:
            log = Log()
            await worker.run(log, job="j", graph=SLOW, targets=["2"])
            return [e["node"] for e in log if e["event"] == "node_started"]

    assert within(slow()) == ["1", "2"]
    assert within(slow()) == ["2"]
    monkeypatch.setenv("MEZZOTINT_PRECISION", "fp32")
    monkeypatch.setenv("MEZZOTINT_DEVICE", "cuda:1")
    nobody: Any = None
    assert Runner(Files(tmp_path), nobody, nobody).site.salt == "fp32 cuda:1"  # as the command line says it


SLOW = {
    "1": {"class_type": "Slow", "inputs": {"a": 2}},
    "2": {"class_type": "Show", "inputs": {"a": ["1", 0]}},
}


# --- the process, without a supervisor ------------------------------------------------------------


def start(base: Path) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command(base), cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe)


def test_the_first_thing_it_says(tmp_path: Path):
    with start(tmp_path) as process:
        assert process.stdin
        assert process.stdout
        frame = frames.read(process.stdout)
        assert frame
        assert frame.header["hello"] == {
            "pid": process.pid,
            "version": frame.header["hello"]["version"],
            "fingerprint": fingerprint([*CODE, NODES]),
            "place": str(tmp_path / "cache" / "worker.node"),
        }
        process.stdin.write(frames.pack({"id": 1, "do": "stop"}))
        process.stdin.flush()
        assert frames.read(process.stdout) == frames.Frame({"id": 1, "reply": {}})
        assert frames.read(process.stdout) is None
        assert process.wait(10) == 0


@pytest.mark.parametrize("moment", ["at once", "ready", "running"])
def test_it_ends_when_the_web_process_is_gone(tmp_path: Path, moment: str):
    begun = tmp_path / "begun"
    with start(tmp_path) as process:
        assert process.stdin
        assert process.stdout
        if moment != "at once":
            frames.read(process.stdout)
        if moment == "running":
            process.stdin.write(frames.pack({"id": 1, "do": "run", **one("Hang", begun=str(begun))}))
            process.stdin.flush()
            within(until(begun.exists))
        process.stdin.close()
        assert process.wait(10) == 1


def test_a_successor_waits_for_the_one_before(tmp_path: Path):
    lock = tmp_path / "cache" / "worker.lock"
    lock.parent.mkdir()
    with lock.open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        file.write("12345")
        file.flush()
        with start(tmp_path) as process:
            assert process.stdin
            assert process.stdout
            assert process.stderr
            assert process.stderr.readline() == b"mezzotint: waiting for the worker process 12345 to end\n"
            os.set_blocking(process.stdout.fileno(), False)
            assert process.stdout.read() is None  # not a word
            os.set_blocking(process.stdout.fileno(), True)
            fcntl.lockf(file, fcntl.LOCK_UN)
            frame = frames.read(process.stdout)
            assert frame
            assert "hello" in frame.header
            assert lock.read_text() == str(process.pid)
            process.stdin.close()


def test_it_is_taken_first_when_memory_runs_out(tmp_path: Path):
    with start(tmp_path) as process:
        assert process.stdin
        assert process.stdout
        frames.read(process.stdout)
        score = Path(f"/proc/{process.pid}/oom_score_adj")
        if score.exists():
            assert score.read_text() == "500\n"
        process.stdin.close()


def test_what_cannot_be_understood_ends_it(tmp_path: Path):
    with start(tmp_path) as process:
        assert process.stderr
        _, log = process.communicate(b"\0\0\0\4\0\0\0\0what")
        assert process.returncode == 1
        assert b"BrokenStream" in log


@pytest.mark.parametrize(
    "module",
    ["executor.worker.__main__", "executor.worker.running", "executor.worker.supervisor", "executor.ledger"],
)
def test_what_is_not_imported(module: str):
    heavy = "{'torch', 'numpy', 'PIL', 'scipy', 'networkx'}" if "running" not in module else "{'torch', 'numpy', 'PIL'}"
    code = f"import sys, json, {module}; print(json.dumps(sorted({heavy} & set(sys.modules))))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
