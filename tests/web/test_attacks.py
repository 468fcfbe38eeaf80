"""The whole server as an attacker meets it: every route is guarded, no path leads out, nothing runs, nothing leaks."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.fake_worker import fake_worker
from tests.web.served import Answer, Served, served
from tests.web.tables import form
from web.app import make_app
from web.config import Config, Limits
from web.logs import Logs
from web.openapi.document import document

SECRET = "the secret of another folder"
TOKEN = "a token of the test"
PLACES = [f"{method.upper()} {path}" for path, methods in document()["paths"].items() for method in methods]
OPEN = {"GET /healthz", "GET /readyz"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base directory beside a secret, with links that lead there."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "secret.txt").write_text(SECRET)
    (folder / "outside").mkdir()
    (folder / "outside" / "secret.png").write_text(SECRET)
    base = folder / "base"
    for name in ("input", "output", "temp", "user/default/workflows", "models/checkpoints", "models/vae"):
        (base / name).mkdir(parents=True)
        os.symlink(folder / "secret.txt", base / name / "link.txt")
        os.symlink(folder / "outside", base / name / "linked")
    (base / "output" / "page.html").write_text("<script>alert(1)</script>")
    (base / "output" / "drawing.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    )
    (base / "output" / "code.js").write_text("alert(1)")
    (base / "output" / "picture.png").write_text("<html><script>alert(1)</script>")
    return base


@pytest.fixture(scope="module")
def server(base: Path) -> Iterator[Served]:
    config = Config(base, limits=Limits(body=200_000))
    with served(lambda: make_app(config, Logs(stream=io.StringIO()), fake_worker())) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    config = Config(tmp_path_factory.mktemp("guarded"), listen=("0.0.0.0",), token=TOKEN)
    with served(lambda: make_app(config, Logs(stream=io.StringIO()), fake_worker())) as server:
        yield server


def attempt(server: Served, place: str, prefix: str = "", **headers: str) -> Answer:
    """The method and path of the document, the parameters filled in."""
    method, path = place.split(" ")
    body = b"{}" if method in ("POST", "PATCH") else None
    return server.ask(prefix + re.sub(r"{\w+}", "x", path), body, method, **headers)


# --- every route ---------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_every_route_refuses_other_sites_and_other_names(server: Served, place: str):
    for prefix in ("", "/api"):
        assert attempt(server, place, prefix, Origin="http://evil.example").error == "forbidden_origin"
        assert attempt(server, place, prefix, Host="evil.example").error == "forbidden_host"


@pytest.mark.parametrize("place", PLACES)
def test_every_route_asks_for_the_token(guarded: Served, place: str):
    for prefix in ("", "/api"):
        answer = attempt(guarded, place, prefix)
        assert (answer.status == 401) == (place not in OPEN), answer
        assert attempt(guarded, place, prefix, X_Api_Key=TOKEN).status != 401
        assert attempt(guarded, place, prefix, Origin="http://evil.example", X_Api_Key=TOKEN).status == 403


@pytest.mark.parametrize("place", [place for place in PLACES if place.startswith(("POST", "PATCH"))])
def test_every_body_has_a_limit(server: Served, place: str):
    method, path = place.split(" ")
    answer = server.ask(re.sub(r"{\w+}", "x", path), b"", method, Content_Length="200001")
    assert (answer.status, answer.error) == (413, "too_large")


@pytest.mark.parametrize("path", ["/prompt", "/queue", "/upload/image", "/upload/mask", "/userdata/x", "/convert"])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_of_unknown_length_has_the_same(server: Served, path: str, kind: str):
    file = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n\x89PNG\r\n\x1a\n'
    body = (file if kind.startswith("multi") else b"") + b" " * 200_001
    chunks = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
    answer = server.raw(f"{head}Content-Type: {kind}\r\n\r\n".encode() + chunks)
    refused_by_type = "upload" in path and kind == "application/json"
    assert answer.status == (400 if refused_by_type else 413), answer


@pytest.mark.parametrize("path", ["/prompt", "/queue", "/history", "/free", "/settings", "/settings/x", "/convert"])
def test_deep_json_is_refused_wherever_it_is_read(server: Served, path: str):
    answer = server.ask(path, b'{"a":' * 5_000 + b"1" + b"}" * 5_000)
    assert (answer.status, answer.error) == (400, "invalid_json")


# --- paths ---------------------------------------------------------------------------------------


OUTWARD = [
    "../secret.txt", "../../secret.txt", "..%2f..%2fsecret.txt", "..%5c..%5csecret.txt", "%2e%2e/%2e%2e/secret.txt",
    "..%252f..%252fsecret.txt", "....//....//secret.txt", "./../../secret.txt", "linked/../../../secret.txt",
    "/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "\\etc\\passwd", "file:///etc/passwd", "C:%5cWindows%5cwin.ini",
    "C:secret.txt", "..%00/secret.txt", "secret.txt%00.png", "%c0%ae%c0%ae/secret.txt", "..%c0%af..%c0%afsecret.txt",
    "%uff0e%uff0e/secret.txt", "~/secret.txt", "link.txt", "linked/secret.png", "linked", "/proc/self/environ",
    "/dev/zero", "CON", "NUL.txt", "COM1", "a:b", "%ff%fe", "..%ef%bc%8fsecret.txt", "a" * 5_000,
]  # fmt: skip
WAYS_IN = [
    "/view?filename={}", "/view?filename=a&subfolder={}", "/view?type=input&filename={}", "/view?filename={} [temp]",
    "/view?type={}&filename=a", "/view?preview=webp;90&filename={}", "/view?channel=rgb&filename={}",
    "/userdata/{}", "/userdata?dir={}", "/userdata?recurse=true&dir={}", "/v2/userdata?path={}", "/settings/{}",
    "/convert?filename={}", "/convert?type=userdata&filename={}", "/convert?subfolder={}&filename=secret.txt",
    "/models/{}", "/experiment/models/{}", "/experiment/models/preview/checkpoints/0/{}",
    "/experiment/models/preview/{}/0/a", "/view_metadata/checkpoints?filename={}", "/view_metadata/{}?filename=a",
    "/internal/files/{}", "/history/{}", "/jobs/{}", "/object_info/{}", "/v2/assets/{}/content", "/{}", "/static/{}",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS_IN)
def test_no_path_leads_out(server: Served, base: Path, way: str):
    for path in OUTWARD:
        answer = server.ask("/api" * (path != OUTWARD[0]) + way.format(path).replace(" ", "%20"))
        assert answer.status < 500, (way, path, answer)
        for leak in (SECRET.encode(), b"root:x:", str(base.parent).encode(), b"Traceback", b"PATH="):
            assert leak not in answer.body, (way, path, answer)


@pytest.mark.parametrize("path", [p for p in OUTWARD if not re.fullmatch(r"[\w.%~-]+", p) or "%2f" in p or "%5c" in p])
def test_nothing_is_written_outside(server: Served, base: Path, path: str):
    before = outside(base)
    encoded = path.replace("/", "%2f").replace("\\", "%5c")
    server.ask(f"/userdata/{encoded}", b"overwritten")
    server.ask("/userdata/kept.txt", b"kept")
    server.ask(f"/userdata/kept.txt/move/{encoded}", b"")
    server.ask("/upload/image", **form(b"\x89PNG\r\n\x1a\n" + b"0" * 50, name=path, overwrite="true"))
    server.ask("/upload/image", **form(b"\x89PNG\r\n\x1a\n" + b"0" * 50, subfolder=path, overwrite="true"))
    server.ask(f"/userdata/{encoded}", method="DELETE")
    assert outside(base) == before


def outside(base: Path) -> dict[Path, int]:
    """The files beside a base directory, and when each was changed."""
    return {file: file.stat().st_mtime_ns for file in base.parent.rglob("*") if base not in (file, *file.parents)}


# --- what a browser would run --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "code.js"])
def test_files_that_would_run_are_sent_as_bytes_to_keep(server: Served, name: str):
    answer = server.ask(f"/view?filename={name}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_page_by_the_name_of_a_picture_stays_a_picture(server: Served):
    answer = server.ask("/view?filename=picture.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.js", "a.png.html", "a.png"])
def test_uploads_that_would_run_are_refused(server: Served, name: str):
    page = b"<html><script>alert(1)</script></html>"
    assert server.ask("/upload/image", **form(page, name=name)).status == 415


def test_what_is_not_ours_is_never_echoed_as_a_page(server: Served):
    for path in ("/<script>alert(1)</script>", "/jobs/<script>alert(1)</script>", "/models/<b>x", "/view?filename=<b>"):
        answer = server.ask(path, Accept="text/html")
        assert answer.headers["content-type"].startswith("application/json")


def test_header_lines_cannot_be_smuggled_through_names(server: Served, base: Path):
    (base / "output" / "a\r\nSet-Cookie: x=1.png").write_bytes(b"x")
    answer = server.ask("/view?filename=a%0d%0aSet-Cookie:%20x=1.png")
    assert "set-cookie" not in answer.headers
    assert server.ask("/jobs/a%0d%0aSet-Cookie:%20x=1").status == 404
