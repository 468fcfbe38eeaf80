"""The page, our own or the operator's: its files, their types, and nothing outside the folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.served import Served
from tests.web.tables import make_state, put, refused, serving
from web.routes import pages


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Served]:
    with serving(make_state(tmp_path), pages) as server:
        yield server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "front"
    put(root / "index.html", "<title>Theirs</title>")
    put(tmp_path / "secret.txt", "secret")
    return root


@pytest.fixture
def theirs(tmp_path: Path, root: Path) -> Iterator[Served]:
    with serving(make_state(tmp_path, front_end=root), pages) as server:
        yield server


def test_our_page_needs_nothing_from_elsewhere(ours: Served):
    answer = ours.ask("/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    text = answer.body.decode()
    assert set(re.findall(r"https?://[^'\" )]+", text)) == {"http://www.w3.org/2000/svg"}
    scripts = re.findall(r'src="([^"]+)"', text)
    assert scripts
    assert all(ours.ask(f"/{name}").headers["content-type"].startswith("text/javascript") for name in scripts)
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=", text), "the content security policy would refuse it"


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("a.png", "image/png"),
        ("a.webp", "image/webp"),
        ("templates/index.json", "application/json"),
        ("extensions/core/a.js", "text/javascript; charset=utf-8"),
        ("unknown.thing", "application/octet-stream"),
    ],
)
def test_the_operators_files_have_their_types(theirs: Served, root: Path, name: str, type: str):
    put(root / name, "x")
    answer = theirs.ask(f"/{name}")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"x", type)


def test_the_root_is_the_operators_page(ours: Served, theirs: Served):
    script = re.findall(r'src="\./([^"]+)"', ours.ask("/").body.decode())[0]
    assert ours.ask(f"/{script}").status == 200
    assert theirs.ask("/").body == b"<title>Theirs</title>"
    assert theirs.ask(f"/{script}").status == 404


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("assets/index-DVhcfH4v.js", True),
        ("assets/deep/a.B1b2C3d4.css", True),
        ("assets/logo-single.svg", False),
        ("assets/custom-node-map.json", False),
        ("index-DVhcfH4v.js", False),
        ("index.html", False),
    ],
)
def test_only_names_that_change_with_the_content_are_kept_by_browsers(
    theirs: Served, root: Path, name: str, kept: bool
):
    put(root / name, "x")
    answer = theirs.ask(f"/{name}")
    assert ("immutable" in answer.headers["cache-control"]) is kept
    assert answer.headers["cache-control"] == "no-cache" or kept
    assert theirs.ask(f"/{name}", If_None_Match=answer.headers["etag"]).status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/templates/a.json",
        "/docs/a.md",
        "/extensions/pack/a.js",
        "/api/nothing",
        "/assets",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/assets/../../secret.txt",
        "//secret.txt",
        "/%2Fetc/passwd",
        "/a%00.html",
        "/index.html%00",
        "/CON",
        "/" + "x" * 300,
        "/" + "x/" * 2500,
        "/link.txt",
        "/away/secret.txt",
    ],
)
def test_nothing_else_is_found(theirs: Served, root: Path, tmp_path: Path, path: str):
    put(root / "assets/a.js")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "away").symlink_to(tmp_path)
    answer = theirs.ask(path)
    assert refused(answer) == (404, "not_found")
    assert answer.body.replace(b"secret.txt", b"").find(b"secret") == -1
    assert str(tmp_path).encode() not in answer.body
