"""/object_info is there at once after the first start, notices new files, and follows the worker's code."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from executor.files import Files
from executor.fingerprint import fingerprint
from executor.worker.lost import Death
from executor.worker.supervisor import WorkerLost
from web.node_info import NodeInfo


class FakeWorker:
    """Describes nodes as it is told to, once `let_go` is set."""

    def __init__(self, nodes: dict[str, Any], *, ready: bool = True):
        self.ready, self.hello = ready, {"fingerprint": fingerprint()}
        self.nodes, self.asked = nodes, 0
        self.error: Exception | None = None
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def ask(self, do: str, *, timeout: float) -> dict[str, Any]:
        assert do == "describe"
        self.asked += 1
        await self.let_go.wait()
        if self.error:
            raise self.error
        return {"nodes": self.nodes, "menus": {"Load": {"name": "loras"}}}


def nodes(*names: str, more: str = "") -> dict[str, Any]:
    """The description of one node with a menu, and maybe of another."""
    load = {"input": {"required": {"name": [list(names), {"tooltip": "x"}], "n": ["INT", {}]}, "hidden": {"id": "ID"}}}
    return {"Load": load} | ({more: {"input": {}}} if more else {})


def info(base: Path, worker: FakeWorker) -> NodeInfo:
    like: Any = worker
    return NodeInfo(Files(base), like)


def kept(base: Path) -> list[str]:
    return [p.name for p in (base / "cache").iterdir()]


async def unready(base: Path) -> NodeInfo:
    """A server of which the worker is not ready; it waited once, at an earlier start."""
    worker = FakeWorker(nodes("old"))
    await info(base, worker).all()
    return info(base, FakeWorker({}, ready=False))


def test_what_the_worker_says_is_kept(tmp_path: Path):
    async def work() -> None:
        worker = FakeWorker(nodes("a"))
        both = info(tmp_path, worker)
        assert await both.all() == nodes("a")
        assert kept(tmp_path) == [f"nodes-{fingerprint()}.json"]
        assert await both.get("Load") == nodes("a")["Load"]
        assert await both.get("Nothing") is None

    asyncio.run(work())


def test_before_the_worker_is_ready_new_files_are_noticed(tmp_path: Path):
    async def work() -> None:
        later = await unready(tmp_path)
        assert await later.all() == nodes()
        (tmp_path / "models" / "loras").mkdir(parents=True)
        (tmp_path / "models" / "loras" / "new.safetensors").touch()
        assert await later.all() == nodes("new.safetensors")

    asyncio.run(work())


def test_nothing_is_known_at_the_very_first_start(tmp_path: Path):
    async def work() -> None:
        worker = FakeWorker(nodes("a"), ready=False)
        worker.let_go.clear()
        asking = asyncio.create_task(info(tmp_path, worker).all())
        while not worker.asked:
            await asyncio.sleep(0)
        worker.let_go.set()
        assert await asking == nodes("a")

    asyncio.run(work())


def test_many_who_ask_at_once_ask_once(tmp_path: Path):
    async def work() -> None:
        worker = FakeWorker(nodes("a"))
        worker.let_go.clear()
        both = info(tmp_path, worker)
        asking = [asyncio.create_task(both.all()) for _ in range(50)]
        while not worker.asked:
            await asyncio.sleep(0)
        asking[0].cancel()  # which is nothing to the others
        worker.let_go.set()
        got = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(got[0], asyncio.CancelledError)
        assert got[1:] == [nodes("a")] * 49
        assert worker.asked == 1

    asyncio.run(work())


@pytest.mark.parametrize("error", [WorkerLost(Death("SIGKILL")), TimeoutError("no answer")])
def test_a_worker_that_does_not_answer(tmp_path: Path, error: Exception):
    async def work() -> None:
        worker = FakeWorker(nodes("a"))
        worker.error = error
        both = info(tmp_path, worker)
        with pytest.raises(type(error)):
            await both.all()
        worker.error = None
        await both.all()
        worker.error = error
        assert await both.all() == nodes()

    asyncio.run(work())


def test_other_code_is_described_anew(tmp_path: Path):
    async def work() -> None:
        worker = FakeWorker(nodes("a"))
        both = info(tmp_path, worker)
        await both.all()
        worker.nodes, worker.hello = nodes("a", more="New"), {"fingerprint": "other"}
        assert "New" in await both.all()
        assert kept(tmp_path) == ["nodes-other.json"]

    asyncio.run(work())


@pytest.mark.parametrize("text", ["", "[]", '{"nodes": 1}', '{"nodes": {}, "men'])
def test_a_file_that_is_damaged(tmp_path: Path, text: str):
    async def work() -> None:
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / f"nodes-{fingerprint()}.json").write_text(text)
        assert await info(tmp_path, FakeWorker(nodes("a"), ready=False)).all() == nodes("a")

    asyncio.run(work())


def test_it_is_written_only_when_it_changed(tmp_path: Path):
    async def work() -> None:
        both = info(tmp_path, FakeWorker(nodes("a")))
        await both.all()
        (path,) = (tmp_path / "cache").iterdir()
        path.unlink()
        await both.all()
        assert not path.exists()

    asyncio.run(work())


def test_a_folder_that_cannot_be_written(tmp_path: Path):
    async def work() -> None:
        (tmp_path / "cache").touch()
        assert await info(tmp_path, FakeWorker(nodes("a"))).all() == nodes("a")

    asyncio.run(work())


# --- the fingerprint ------------------------------------------------------------------------------


def test_it_changes_with_the_code_and_imports_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "some_package"
    (package / "inner").mkdir(parents=True)
    for path in (package / "__init__.py", package / "inner" / "a.py"):
        path.write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    before = fingerprint(["some_package", "no_such_package", "no.such.module", "json.decoder"])
    assert before == fingerprint(["json.decoder", "some_package", "some_package"])
    (package / "inner" / "a.py").write_text("# longer than it was, so that it is another one")
    assert fingerprint(["json.decoder", "some_package"]) != before
    assert json.decoder
