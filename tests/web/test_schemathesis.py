"""Schemathesis sends what the OpenAPI document allows, and what it does not, and compares the answers with it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
import requests
import schemathesis
from PIL import Image
from schemathesis import checks

from tests.web.conftest import until
from tests.web.fake_worker import fake_worker
from tests.web.served import Served, served
from web.app import make_app
from web.config import Config
from web.logs import Logs
from web.openapi.document import document
from web.openapi.schemas import GRAPH_EXAMPLE

EXAMPLES = 10  # random ones of each operation, beside those that cover the limits of each parameter
CHECKS: list[Any] = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
UNHEALTHY: Any = list(hypothesis.HealthCheck)
schema = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def log() -> io.StringIO:
    return io.StringIO()


def serving(base: Path, log: io.StringIO) -> AbstractContextManager[Served]:
    return served(lambda: make_app(Config(base), Logs(stream=log), fake_worker()))


@pytest.fixture(scope="module")
def shaken(tmp_path_factory: pytest.TempPathFactory, log: io.StringIO) -> Iterator[Served]:
    """The server that gets anything."""
    with serving(tmp_path_factory.mktemp("base"), log) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, log: io.StringIO) -> Iterator[Served]:
    """The server of the other tests, whose queue nobody paused."""
    with serving(tmp_path_factory.mktemp("base"), log) as server:
        yield server


@schema.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, suppress_health_check=UNHEALTHY)
def test_answers_to_anything_are_as_documented(case: schemathesis.Case, shaken: Served, log: io.StringIO):
    response = case.call(base_url=f"http://127.0.0.1:{shaken.port}", timeout=20)
    try:
        case.validate_response(response, checks=CHECKS)
    except BaseException:
        print(log.getvalue()[-3_000:])
        raise


@pytest.fixture(scope="module")
def job(server: Served) -> str:
    """A job that is over."""
    id = ask(server, "POST /prompt", json={"prompt": GRAPH_EXAMPLE, "client_id": "me"}).json()["prompt_id"]
    until(lambda: ask(server, "GET /history/{id}", id=id).json(), "the job to end")
    return id


def ask(server: Served, place: str, /, **given: Any) -> requests.Response:
    """A request that must succeed, its answer compared with the document. Parts of the path by name."""
    method, path = place.split(" ")
    parts = {name: quote(given.pop(name), safe="") for name in re.findall(r"{(\w+)}", path)}
    address = f"http://127.0.0.1:{server.port}{path.format_map(parts)}"
    response = requests.request(method, address, timeout=20, **given)
    assert response.ok, (place, response.text)
    schema[path][method].validate_response(response)
    return response


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "place",
    [
        *("GET /jobs/{id}", "POST /jobs/{id}/cancel", "GET /history/{id}", "GET /jobs/{id}/events"),
        *("GET /v2/jobs/{id}", "GET /v2/jobs/{id}/workflow", "GET /v2/jobs/{id}/events"),
    ],
)
def test_a_finished_job_is_told_of_as_documented(server: Served, job: str, place: str):
    ask(server, place, id=job)


def test_lists_with_jobs_are_as_documented(server: Served, job: str):
    assert ask(server, "GET /jobs", params={"status": "completed"}).json()["jobs"]
    assert job in ask(server, "GET /history").json()
    ask(server, "POST /queue", json={"pause": True})
    ask(server, "POST /prompt", json=GRAPH_EXAMPLE)
    assert ask(server, "GET /queue").json()["queue_pending"]
    assert ask(server, "GET /jobs", params={"status": "pending"}).json()["jobs"]
    ask(server, "POST /queue", json={"pause": False, "clear": True})


def test_files_are_as_documented(server: Served):
    name = ask(server, "POST /upload/image", files={"image": ("a.png", picture())}).json()["name"]
    for more in ({}, {"preview": "webp;50"}, {"channel": "a"}):
        ask(server, "GET /view", params={"filename": name, "type": "input", **more})
    reference = json.dumps({"filename": name, "type": "input"})
    masked = {"image": ("b.png", picture()), "original_ref": (None, reference)}
    ask(server, "POST /upload/mask", files=masked)
    assert name in ask(server, "GET /internal/files/{type}", type="input").json()
    assert ask(server, "GET /view", params={"filename": name, "type": "input"}, headers={"Range": "bytes=0-3"}).ok


def test_user_data_is_as_documented(server: Served):
    place = "workflows/a b.json"
    ask(server, "POST /userdata/{file}", file=place, data=json.dumps(GRAPH_EXAMPLE), params={"full_info": "true"})
    ask(server, "GET /userdata/{file}", file=place)
    for more in ({}, {"split": "true"}, {"full_info": "true"}):
        assert ask(server, "GET /userdata", params={"dir": "workflows", **more}).json()
    assert ask(server, "GET /v2/userdata", params={"path": "workflows"}).json()
    ask(server, "GET /convert", params={"filename": place, "type": "userdata"})
    ask(server, "POST /userdata/{file}/move/{dest}", file=place, dest="workflows/c.json")
    ask(server, "DELETE /userdata/{file}", file="workflows/c.json")
    ask(server, "POST /settings", json={"a": 1})
    assert ask(server, "GET /settings/{id}", id="a").json() == 1


@pytest.mark.parametrize(
    "place",
    [
        *("GET /system_stats", "GET /object_info", "GET /models", "GET /experiment/models", "GET /internal/logs/raw"),
        *("GET /internal/folder_paths", "GET /openapi.json", "GET /metrics", "GET /readyz", "GET /healthz"),
    ],
)
def test_the_server_tells_of_itself_as_documented(server: Served, place: str):
    assert ask(server, place).content


def test_the_page_is_documented(server: Served):
    ask(server, "GET /{path}", path="")
