"""What docs/api.md tells people to type works on a real server."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.web.conftest import ROOT, Server, until

TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
CURL = [line.strip() for line in TEXT.splitlines() if line.startswith("    curl ")]
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
HERE = "http://127.0.0.1:8188"


@pytest.fixture
def folder(base: Path) -> Path:
    """The base directory, with what the page names in it."""
    (base / "workflows").symlink_to(ROOT / "workflows")
    shutil.copy(ROOT / "input" / "apple.png", base / "input")
    return base


def test_every_curl_command(serve: Callable[..., Server], folder: Path):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    server = serve()
    assert len(CURL) >= 8
    for line in CURL:
        typed = shlex.split(line.replace(HERE, server.url))
        done = subprocess.run([typed[0], "-sS", "--fail-with-body", *typed[1:]], cwd=folder, capture_output=True)
        assert done.returncode == 0, (line, done.stdout[:500], done.stderr)
    assert (folder / "apple.webp").read_bytes()[8:12] == b"WEBP"
    until(lambda: list((folder / "output").glob("mezzotint_00001_.png")), "the picture")


def test_the_python_examples(serve: Callable[..., Server], folder: Path):
    server = serve()
    assert len(PYTHON) == 2
    said = ""
    for example in PYTHON:
        line = [sys.executable, "-c", example.replace(HERE, server.url)]
        done = subprocess.run(line, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said += done.stdout
    assert "end {" in said
    assert "seed=1 {'7.1': {'images'" in said
    assert "seed=2 {'7.2': {'images'" in said
    assert (folder / "pictures" / "mezzotint_00001_.png").read_bytes().startswith(b"\x89PNG")


def test_every_route_named_is_there(server: Server):
    known = server.get("/openapi.json")["paths"]
    named = set(re.findall(r"`(?:GET |POST )?(/[\w/.-]+)", TEXT)) - {
        "/api",
        "/api/v2",
        "/events",
        "/cancel",
        "/workflow",
    }
    forms = {re.sub(r"\{[^}]+\}", "ID", path).removeprefix("/api") for path in known}
    assert len(named) > 8
    assert {path.partition("?")[0].removeprefix("/api") for path in named} <= forms | {"/ws", "/openapi.json"}
