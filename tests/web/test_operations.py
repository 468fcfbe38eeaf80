"""What watches over the server is told the truth; TLS and the log of the real command."""

from __future__ import annotations

import io
import json
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from executor.jobs import Jobs, JobsError
from tests.web import prometheus
from tests.web.conftest import Server, until
from tests.web.fake_worker import FakeWorker, fake_worker
from tests.web.served import Served, served
from web.app import make_app
from web.config import Config
from web.logs import Logs
from web.openapi.schemas import GRAPH_EXAMPLE

BODY = json.dumps({"prompt": GRAPH_EXAMPLE}).encode()


@pytest.fixture
def worker() -> FakeWorker:
    return cast(FakeWorker, fake_worker())


@pytest.fixture
def server(tmp_path: Path, worker: FakeWorker) -> Iterator[Served]:
    with served(lambda: make_app(Config(tmp_path), Logs(stream=io.StringIO()), cast(Any, worker))) as server:
        yield server


def test_ready_is_said_only_when_jobs_can_run(server: Served, worker: FakeWorker):
    assert (server.ask("/healthz").status, server.ask("/readyz").json) == (200, {"status": "ready"})
    worker.ready = False
    answer = server.ask("/readyz")
    assert answer.status == 503
    assert answer.json == {"status": "not ready", "reasons": ["the worker process is not ready yet"]}
    assert server.ask("/healthz").status == 200


def test_ready_is_not_said_when_the_database_cannot_be_written(server: Served, monkeypatch: pytest.MonkeyPatch):
    def refuse(jobs: Jobs, value: bool) -> None:
        raise JobsError("/some/folder/mezzotint.db cannot grow: the disk is full")

    monkeypatch.setattr(Jobs, "paused", property(lambda jobs: False, refuse))
    answer = server.ask("/readyz")
    assert answer.status == 503
    assert "database" in answer.json["reasons"][0]
    assert b"folder" not in answer.body


@pytest.mark.parametrize("paused", [True, False])
def test_asking_does_not_change_the_queue(server: Served, paused: bool):
    server.ask("/queue", json.dumps({"pause": paused}).encode())
    assert server.ask("/readyz").status == 200
    assert server.ask("/queue").json["paused"] is paused


def metrics(server: Served) -> dict[str, float]:
    """The samples without buckets, by name and labels."""
    answer = server.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        " ".join([name.removeprefix("mezzotint_"), *(value for _, value in sorted(labels))]): value
        for family in prometheus.read(answer.body.decode()).values()
        for (name, labels), value in family.samples.items()
        if not name.endswith("_bucket")
    }


def test_metrics_count_what_happened(server: Served):
    before = metrics(server)
    assert before["jobs_total success"] == before["queue_jobs"] == before["clients"] == 0
    assert before["worker_ready"] == 1
    assert server.ask("/prompt", BODY).status == 200
    until(lambda: metrics(server)["jobs_total success"], "the job to end")
    assert server.ask("/queue", b'{"pause": true}').status == 200
    assert server.ask("/prompt", BODY).status == 200
    after = metrics(server)
    assert after["job_seconds_count success"] == after["jobs_total success"] == 1
    assert after["node_seconds_count EmptyImage"] == 1
    assert (after["queue_jobs"], after["running_jobs"]) == (1, 0)
    assert after["worker_memory_bytes"] == 1 << 20
    assert after["server_memory_bytes"] > 1e6
    assert after["http_requests_total 2xx"] > 3


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key, made now."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    line = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(["openssl", *line.split(), "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_tls_token_and_log_of_the_command(serve: Callable[..., Server], certificate: tuple[Path, Path]):
    cert, key = certificate
    token = "a-token-of-the-test"
    line = ["--tls-cert", str(cert), "--tls-key", str(key), "--token", token, "--log-json"]
    server = serve(*line)
    assert server.url.startswith("https://127.0.0.1:")
    trust = ssl.create_default_context(cafile=str(cert))
    there = Served(int(server.url.rpartition(":")[2]), trust)
    assert there.ask("/healthz").status == 200
    assert there.ask("/prompt").status == 401
    answer = there.ask("/prompt?token=" + token)
    assert answer.status == 200
    assert answer.headers["set-cookie"].endswith("; Secure")
    assert there.ask("/prompt", X_Api_Key=token, Origin=f"https://localhost:{there.port}").status == 200
    assert there.ask("/prompt", X_Api_Key=token, Origin=f"http://localhost:{there.port}").status == 403
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(f"https://localhost:{there.port}/healthz", timeout=20)
    Served(there.port).connect().close()  # plain, and gone at once
    assert server.stop() == 0
    until(lambda: any("stopping" in line for line in server.log), "the last line of the log")
    assert all(json.loads(line)["message"] for line in server.log)
    assert not [line for line in server.log if token in line]


def test_a_certificate_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    import main

    (wrong := tmp_path / "cert.pem").write_text("no certificate")
    assert main.main(["serve", "--base-directory", str(tmp_path), "--tls-cert", str(wrong)]) == 2
    assert "--tls-cert" in capsys.readouterr().err
    assert main.main(["serve", "--base-directory", str(tmp_path), "--tls-key", str(wrong)]) == 2
    assert "--tls-key needs --tls-cert" in capsys.readouterr().err
