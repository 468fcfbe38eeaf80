"""What the standard's front end asks for at its start and while it shows the log."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.web.served import Answer, Served
from tests.web.tables import make_state, put, refused, serving
from web.logs import Logs
from web.routes import internal


class Hub:
    def __init__(self) -> None:
        self.here = {"me", "you"}
        self.sent: list[tuple[str | None, str, Mapping[str, Any]]] = []

    def sids(self) -> set[str]:
        return self.here

    def send(self, sid: str | None, type: str, data: Mapping[str, Any]) -> None:
        self.sent.append((sid, type, data))


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def logs() -> Logs:
    return Logs(stream=io.StringIO())


@pytest.fixture
def server(tmp_path: Path, hub: Hub, logs: Logs) -> Iterator[Served]:
    extra = {"loras": (Path("/somewhere/else/loras"),)}
    with serving(make_state(tmp_path / "base", hub=hub, logs=logs, extra=extra), internal) as server:
        yield server


def subscribe(server: Served, **body: object) -> Answer:
    return server.ask("/internal/logs/subscribe", json.dumps(body).encode(), "PATCH")


def lines(hub: Hub) -> list[tuple[str | None, str]]:
    assert all(type == "logs" and set(data) == {"entries", "size"} for _, type, data in hub.sent)
    return [(sid, entry["m"]) for sid, _, data in hub.sent for entry in data["entries"]]


def test_node_packs_add_nothing(server: Served):
    assert server.ask("/extensions").json == []
    assert server.ask("/i18n").json == {}


def test_the_newest_lines_are_told(server: Served, logs: Logs):
    logs.event("info", "one")
    logs.event("warning", "two")
    raw = server.ask("/internal/logs/raw").json
    assert [entry["m"] for entry in raw["entries"]] == ["one\n", "two\n"]
    assert set(raw["size"]) == {"cols", "rows"}
    times = [entry["t"] for entry in raw["entries"]]
    assert server.ask("/internal/logs").json == f"{times[0]} - one\n{times[1]} - two\n"


def test_a_client_gets_new_lines_while_it_wants_them(server: Served, hub: Hub, logs: Logs):
    logs.event("info", "before")
    assert subscribe(server, clientId="me", enabled=True).status == 200
    assert subscribe(server, clientId="me", enabled=True).status == 200
    logs.event("info", "once")
    assert subscribe(server, clientId="you", enabled=True).status == 200
    assert subscribe(server, clientId="me", enabled=False).status == 200
    logs.event("info", "then")
    assert lines(hub) == [("me", "once\n"), ("you", "then\n")]


def test_a_client_that_has_gone_is_forgotten(server: Served, hub: Hub, logs: Logs):
    subscribe(server, clientId="me", enabled=True)
    subscribe(server, clientId="nobody", enabled=True)
    hub.here.clear()
    logs.event("info", "to nobody")
    assert not logs.listeners
    assert not hub.sent


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"clientId": 5}', b"{"])
def test_a_subscription_names_its_client(server: Served, logs: Logs, body: bytes):
    assert server.ask("/internal/logs/subscribe", body, "PATCH").status == 400
    assert not logs.listeners


def test_folders_are_told_without_where_they_are(server: Served, tmp_path: Path):
    answer = server.ask("/internal/folder_paths")
    assert answer.json["loras"] == ["models/loras", "output/loras", "loras"]
    assert str(tmp_path).encode() not in answer.body
    assert b"somewhere" not in answer.body


def test_files_are_listed_newest_first(server: Served, tmp_path: Path):
    for i, name in enumerate(["b.png", "a.png", ".part", "c.png"]):
        os.utime(put(tmp_path / "base/output" / name), (1000 + i, 1000 + i))
    put(tmp_path / "base/output/folder/d.png")
    assert server.ask("/internal/files/output").json == ["c.png", "a.png", "b.png"]
    assert server.ask("/internal/files/input").json == []


@pytest.mark.parametrize("kind", ["models", "..", "%2e%2e", "%2Fetc"])
def test_other_folders_are_not_listed(server: Served, kind: str):
    answer = server.ask(f"/internal/files/{kind}")
    assert answer.status in (400, 404)
    if answer.status == 400:
        assert refused(answer) == (400, "invalid_type")


def test_a_link_to_nothing_does_not_break_the_listing(server: Served, tmp_path: Path):
    put(tmp_path / "base/temp/a.png")
    (tmp_path / "base/temp/gone.png").symlink_to(tmp_path / "nothing")
    assert server.ask("/internal/files/temp").json == ["a.png"]
