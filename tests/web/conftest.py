"""A real server in a process of its own, for the tests that need one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds after which a test gives up waiting for what must come


class Server:
    """`python main.py serve` on a free port."""

    def __init__(self, base: Path, *options: str, environment: dict[str, str] | None = None):
        self.base = base
        line = [sys.executable, str(ROOT / "main.py"), "serve", "--port", "0", "--base-directory", str(base), *options]
        given = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, env=given | (environment or {}), stdout=pipe, stderr=pipe, text=True)
        self.log: list[str] = []
        self.readers = [threading.Thread(target=self._read_log, daemon=True)]
        self.readers[0].start()
        assert self.process.stdout is not None
        self.greeting = self.process.stdout.readline().strip()
        assert self.greeting.startswith("Mezzotint is at "), (self.greeting, self.log)
        self.url = self.greeting.split()[-1]
        self.readers.append(threading.Thread(target=self.process.stdout.read, daemon=True))
        self.readers[1].start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON (or bytes) of an answer; `body` is sent as JSON."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, _content(answer.read(), answer.headers.get_content_type())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _content(error.read(), error.headers.get_content_type())

    def get(self, path: str) -> Any:
        status, content = self.ask(path)
        assert status == 200, (path, status, content)
        return content

    def submit(self, graph: dict[str, Any], **more: Any) -> str:
        """Queue a graph; its job's id."""
        status, answer = self.ask("/prompt", {"prompt": graph, **more})
        assert status == 200, answer
        return answer["prompt_id"]

    def finished(self, job: str) -> dict[str, Any]:
        """The history entry of a job, waited for."""
        return until(lambda: self.get(f"/history/{job}").get(job), f"job {job} to finish; log: {self.log[-5:]}")

    def worker(self) -> psutil.Process:
        """The process that runs the graphs, waited for."""

        def find() -> psutil.Process | None:
            for child in psutil.Process(self.process.pid).children():
                try:
                    if "executor.worker" in child.cmdline():
                        return child
                except psutil.Error:
                    continue
            return None

        return until(find, "the worker process")

    def kill(self) -> None:
        """As by the kernel: no goodbye."""
        self.process.kill()
        self._ended()

    def stop(self) -> int:
        """As a service manager does; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        """Wait for the end, and for the last of what it said; the exit code."""
        code = self.process.wait(timeout=PATIENCE)
        for reader in self.readers:
            reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


def _content(data: bytes, kind: str) -> Any:
    return json.loads(data) if kind == "application/json" and data else data


def until(find: Callable[[], Any], what: str) -> Any:
    """The first true value of `find`, asked again and again."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {PATIENCE:.0f} s in vain for {what}")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base directory with the starter model, and nothing of an earlier run."""
    for name in ("input", "output"):
        (tmp_path / name).mkdir()
    (tmp_path / "models").symlink_to(ROOT / "models")
    return tmp_path


@pytest.fixture
def serve(base: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on `base`; all are stopped in the end."""
    started: list[Server] = []

    def start(*options: str, **given: Any) -> Server:
        started.append(Server(base, *options, **given))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


def shown(*values: Any) -> dict[str, Any]:
    """A graph that computes nothing heavy: it shows each value as text."""
    return {str(i): {"class_type": "PreviewAny", "inputs": {"source": v}} for i, v in enumerate(values, 1)}
