"""What the server says it is and has."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from executor.worker.supervisor import Refused
from tests.web.tables import make_state, serving
from web.config import Limits
from web.routes import info

DEVICE = {"name": "cuda:0", "type": "cuda", "index": 0}
DEVICE |= {key: 5 for key in ("vram_total", "vram_free", "torch_vram_total", "torch_vram_free")}


class Worker:
    """Answers `stats`, or raises."""

    def __init__(self, answer: Callable[[], dict[str, Any]], ready: bool = True):
        self.answer, self.ready = answer, ready

    async def ask(self, do: str, *, timeout: float) -> dict[str, Any]:
        assert (do, timeout <= 2) == ("stats", True)
        return self.answer()


class Nodes:
    async def all(self) -> dict[str, Any]:
        return {"A": {"name": "A", "step": float("nan")}, "B": {}}

    async def get(self, name: str) -> dict[str, Any] | None:
        return (await self.all()).get(name)


def numbers() -> dict[str, Any]:
    return {"python": "3", "torch": "2.9", "devices": [DEVICE], "rss": 1}


def test_stats_tell_system_and_devices_in_the_standards_words(tmp_path: Path):
    with serving(make_state(tmp_path, worker=Worker(numbers)), info) as server:
        answer = server.ask("/system_stats").json
    system = answer["system"]
    assert answer["devices"] == [DEVICE]
    assert system["pytorch_version"] == "2.9"
    assert system["comfyui_version"] == "0.3.64"
    assert system["python_version"] == sys.version
    assert system["ram_total"] > system["ram_free"] > 0
    assert system["embedded_python"] is False
    assert {"os", "argv", "mezzotint_version", "required_frontend_version"} < set(system)


def test_the_command_line_tells_no_path_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    line = ["/secret/main.py", "serve", "--base-directory", "/secret", "--token=hidden", "--port", "0", "--no-auth"]
    monkeypatch.setattr(sys, "argv", line)
    with serving(make_state(tmp_path, worker=Worker(numbers)), info) as server:
        answer = server.ask("/system_stats")
    assert answer.json["system"]["argv"] == ["main.py", "--base-directory", "--token", "--port", "--no-auth"]
    assert b"secret" not in answer.body
    assert b"hidden" not in answer.body


def test_before_the_worker_is_ready_the_machine_itself_is_told(tmp_path: Path):
    with serving(make_state(tmp_path, worker=Worker(lambda: pytest.fail("asked"), ready=False)), info) as server:
        answer = server.ask("/system_stats").json
    (device,) = answer["devices"]
    assert (device["name"], device["type"], device["vram_total"]) == ("cpu", "cpu", answer["system"]["ram_total"])
    assert set(device) == set(DEVICE)


@pytest.mark.parametrize("error", [TimeoutError(), asyncio.TimeoutError(), Refused("no", "no")])
def test_while_the_worker_cannot_answer_the_last_numbers_are_told(tmp_path: Path, error: Exception):
    def fail() -> dict[str, Any]:
        raise error

    worker = Worker(numbers)
    with serving(make_state(tmp_path, worker=worker), info) as server:
        before = server.ask("/system_stats").json
        worker.answer = fail
        assert server.ask("/system_stats").json["devices"] == before["devices"] == [DEVICE]


def test_nodes_are_told_all_or_one(tmp_path: Path):
    with serving(make_state(tmp_path, nodes=Nodes()), info) as server:
        everything = server.ask("/object_info")
        assert set(everything.json) == {"A", "B"}
        assert json.loads(everything.body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        assert server.ask("/object_info/B").json == {"B": {}}
        assert server.ask("/object_info/None").json == {}
        assert server.ask("/object_info/..%2F..").json == {}


def test_features_tell_what_clients_may_use(tmp_path: Path):
    with serving(make_state(tmp_path, Limits(body=123)), info) as server:
        assert server.ask("/features").json == {"supports_preview_metadata": True, "max_upload_size": 123}
