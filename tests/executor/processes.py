"""Short ways to test a worker process: its command, its jobs, and waiting for what happens elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from executor.worker.supervisor import Worker

ROOT = Path(__file__).parent.parent.parent
NODES = "tests.executor.worker_nodes"
T = TypeVar("T")


def command(base: Path, *more: str, nodes: str = NODES) -> list[str]:
    return [sys.executable, "-m", "executor.worker", "--nodes", nodes, "--base", str(base), *more]


@asynccontextmanager
async def working(base: Path, *more: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Worker]:
    """A worker that is supervised."""
    worker = Worker(command(base, *more), env=env)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop(grace=5)


def within(work: Coroutine[Any, Any, T], seconds: float = 30) -> T:
    """Run it, but not for ever."""
    return asyncio.run(asyncio.wait_for(work, seconds))


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never was so"
        await asyncio.sleep(0.005)


class Log(list[dict[str, Any]]):
    """The events of a run."""

    def __call__(self, event: dict[str, Any], payload: bytes) -> None:
        self.append(event)

    def names(self) -> list[str]:
        return [event["event"] for event in self]


def one(type_: str, **inputs: Any) -> dict[str, Any]:
    """A job of one node, as the arguments of `Worker.run`."""
    return {"job": "j", "graph": {"1": {"class_type": type_, "inputs": inputs}}, "targets": ["1"]}
