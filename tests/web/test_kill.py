"""Both processes are killed at random moments; every job is finished exactly once all the same."""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
import urllib.error
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.web.conftest import Server, until

JOBS, PICTURES = 200, 40
LOST = (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException)


def small(i: int) -> dict[str, Any]:
    """Some tens of milliseconds of trivial nodes, and for every fifth job a picture of its own."""
    graph: dict[str, Any] = {"0": {"class_type": "PrimitiveString", "inputs": {"value": f"job {i}"}}}
    for n in range(1, 200):
        graph[str(n)] = {"class_type": "StringTrim", "inputs": {"string": [str(n - 1), 0], "mode": "Both"}}
    graph["end"] = {"class_type": "PreviewAny", "inputs": {"source": ["199", 0]}}
    if i % (JOBS // PICTURES) == 0:
        size = {"width": 16, "height": 16, "batch_size": 1, "color": i}
        graph["image"] = {"class_type": "EmptyImage", "inputs": size}
        graph["save"] = {"class_type": "SaveImage", "inputs": {"images": ["image", 0], "filename_prefix": "kept"}}
    return graph


class Life:
    """The server now alive on one base directory, and its successors."""

    def __init__(self, start: Callable[[], Server]):
        self.start = start
        self.server = start()

    def ask(self, path: str, body: Any = None, **headers: str) -> Any:
        """An answer of whichever server is alive, asked again until there is one."""

        def attempt() -> Any:
            try:
                status, content = self.server.ask(path, body, **headers)
            except LOST:
                return None
            return (content,) if status == 200 else None

        return until(attempt, f"an answer to {path}")[0]

    def finished(self) -> int:
        return self.ask("/jobs?status=completed,failed,cancelled&limit=1")["pagination"]["total"]

    def kill_web(self) -> None:
        self.server.kill()
        self.server = self.start()

    def kill_worker(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self.server.worker().kill()


@pytest.mark.timeout(280)
def test_every_job_is_finished_exactly_once(serve: Callable[..., Server], base: Any):
    life, chance = Life(serve), random.Random(7)
    jobs: dict[int, str] = {}

    def submit() -> None:
        for i in range(JOBS):
            jobs[i] = life.ask("/prompt", {"prompt": small(i)}, Idempotency_Key=f"job-{i}")["prompt_id"]

    submitter = threading.Thread(target=submit)
    submitter.start()
    for kill in [life.kill_worker, life.kill_web, life.kill_worker, life.kill_web, life.kill_web, life.kill_worker]:
        before = life.finished()
        until(lambda before=before: life.finished() > before, "another job to finish")  # so none is hit twice
        time.sleep(chance.uniform(0.0, 0.4))
        kill()
    submitter.join()
    until(lambda: life.finished() == JOBS, "all jobs to finish")
    history = life.ask("/history?max_items=1000")
    assert sorted(history) == sorted(jobs.values())
    assert len(set(jobs.values())) == JOBS
    for i, job in jobs.items():
        assert history[job]["status"]["status_str"] == "success", history[job]["status"]
        assert history[job]["outputs"]["end"] == {"text": [f"job {i}"]}
    saved = [
        history[job]["outputs"]["save"]["images"][0]["filename"]
        for job in jobs.values()
        if "save" in history[job]["outputs"]
    ]
    assert len(saved) == PICTURES
    assert sorted(p.name for p in (base / "output").iterdir()) == sorted(saved)
