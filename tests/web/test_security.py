"""Who is let in, tried by what an attacker would send: over real sockets, byte for byte."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from executor.files import FileProblem
from executor.jobs import JobsError
from executor.worker.supervisor import Death, WorkerLost
from tests.web.served import Answer, Served, served
from web import security
from web.body import read_json
from web.config import Config, Limits
from web.logs import Logs
from web.metrics import Metrics
from web.state import STATE
from web.tokens import Guesses, cookie_name, cookie_value

TOKEN = "correct horse; battery=staple ü"
QUOTED = "correct%20horse%3B+battery%3Dstaple%20%C3%BC"
LIMITS = Limits(body=10_000, depth=10)


async def echo(request: web.Request) -> web.Response:
    return web.json_response(await read_json(request, request.app[STATE], empty=True))


async def page(request: web.Request) -> web.Response:
    return web.Response(text="<h1>page</h1>", content_type="text/html")


async def websocket(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    return ws


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b"data: 1\n\n")
    if "fail" in request.query:
        raise RuntimeError("in /secret/folder")
    return response


FAULTS: dict[str, Exception] = {
    "fault": RuntimeError("in /secret/folder"),
    "file": FileProblem("'x.png' is not in input/"),
    "late": TimeoutError(),
    "full": OSError(28, "No space left on device", "/secret/folder"),
    "jobs": JobsError("mezzotint.db cannot grow: the disk is full. Free some space."),
    "lost": WorkerLost(Death(signal="SIGKILL")),
}


async def fail(request: web.Request) -> web.Response:
    raise FAULTS[request.match_info["kind"]]


def application(config: Config, log: io.StringIO | None = None) -> web.Application:
    """The middlewares as the server has them, with a handler of each kind behind."""
    app = web.Application(middlewares=security.middlewares(config), client_max_size=config.limits.body)
    app.on_response_prepare.append(security.headers(config))
    state: Any = SimpleNamespace(config=config, logs=Logs(True, log or io.StringIO()), metrics=Metrics())
    app[STATE] = state
    for path, handler in {"/page": page, "/ws": websocket, "/stream": stream, "/fail/{kind}": fail}.items():
        app.router.add_get(path, handler)
    app.router.add_get("/healthz", page)
    app.router.add_get("/echo", echo)
    app.router.add_post("/echo", echo)
    return app


@contextmanager
def running(tmp_path: Path, log: io.StringIO | None = None, **options: Any) -> Iterator[Served]:
    config = Config(base=tmp_path, limits=LIMITS, **options)
    with served(application(config, log)) as server:
        yield server


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Served]:
    """A server for this machine only, without a token."""
    with running(tmp_path) as server:
        yield server


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Served]:
    """A server that others can reach, with a token."""
    with running(tmp_path, listen=("0.0.0.0",), token=TOKEN) as server:
        yield server


# --- Host ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8188", "[::1]:8188", "a.localhost", "localhost."]
)
def test_names_of_this_machine_are_served(local: Served, host: str):
    assert local.ask("/echo", Host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8188",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example#localhost",
        "127.0.0.1.nip.io",
        "192.168.1.5",
        "0.0.0.0:8188",
        "127.1",
        "2130706433",
        "localhost:8188, evil.example",
        "localhost evil",
        "",
        None,
    ],
)
def test_dns_rebinding_is_refused(local: Served, host: str | None):
    answer = local.ask("/echo", Host=host)
    assert answer.status in (400, 403)
    assert answer.status == 400 or answer.error == "forbidden_host"


def test_two_hosts_are_refused(local: Served):
    request = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert local.raw(request).status in (400, 403)


def test_the_address_in_the_request_line_does_not_replace_the_host(local: Served):
    request = b"GET http://localhost/echo HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert local.raw(request).status == 403


def test_a_websocket_of_another_name_is_refused(local: Served):
    assert local.upgrade("/ws", Host="evil.example", Origin="http://evil.example") == 403


def test_with_a_token_any_name_is_served(guarded: Served):
    assert guarded.ask("/echo", Host="studio.example").status == 401
    assert guarded.ask("/echo?token=" + QUOTED, Host="studio.example").status == 200


def test_without_a_token_on_the_network_only_addresses_and_the_own_name_are_served(tmp_path: Path):
    with running(tmp_path, listen=("0.0.0.0",)) as server:
        for host in ("192.168.1.5:8188", "[fe80::1]", "localhost", f"{socket.gethostname()}:8188"):
            assert server.ask("/echo", Host=host).status == 200
        for host in ("evil.example", "192.168.1.5.evil.example", ""):
            assert server.ask("/echo", Host=host).status == 403


# --- Origin --------------------------------------------------------------------------------------


FOREIGN = [
    "http://evil.example",
    "https://localhost.evil.example",
    "http://localhost:1",
    "http://127.0.0.1",
    "null",
    "",
    "file://",
    "chrome-extension://abc",
    "http://localhost@evil.example",
]


def own(server: Served) -> str:
    return f"http://localhost:{server.port}"


def test_our_own_page_may_call(local: Served):
    assert local.ask("/echo", b"{}", Origin=own(local)).status == 200
    assert local.upgrade("/ws", Origin=own(local)) == 101
    assert local.ask("/echo", b"{}", Host="localhost", Origin="https://localhost").status == 200  # behind a proxy


def test_programs_that_are_no_browsers_may_call(local: Served):
    assert local.ask("/echo", b"{}").status == 200
    assert local.upgrade("/ws") == 101


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_other_sites_may_not(local: Served, origin: str):
    assert local.ask("/echo", Origin=origin).error == "forbidden_origin"
    assert local.ask("/echo", b"{}", Origin=origin).status == 403
    assert local.ask("/echo", method="OPTIONS", Origin=origin, Access_Control_Request_Method="POST").status == 403
    assert local.upgrade("/ws", Origin=origin) == 403


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
def test_a_form_on_another_site_is_refused(local: Served, kind: str):
    answer = local.ask("/echo", b'{"clear": true}', Content_Type=kind, Origin="http://evil.example")
    assert (answer.status, answer.error) == (403, "forbidden_origin")
    answer = local.ask("/echo", b'{"clear": true}', Content_Type=kind, Sec_Fetch_Site="cross-site")
    assert (answer.status, answer.error) == (403, "forbidden_origin")


def test_what_a_browser_says_of_other_sites_is_believed(local: Served):
    assert local.upgrade("/ws", Sec_Fetch_Site="cross-site") == 403
    assert local.ask("/page", Sec_Fetch_Site="cross-site").status == 200  # a link to us
    assert local.ask("/echo", b"{}", Sec_Fetch_Site="same-origin").status == 200


def test_with_tls_a_page_without_is_foreign(tmp_path: Path):
    with running(tmp_path, tls_cert=tmp_path / "cert.pem") as server:
        assert server.ask("/echo", b"{}", Origin=own(server)).status == 403
        assert server.ask("/echo", b"{}", Origin=own(server).replace("http:", "https:")).status == 200


def test_no_answer_lets_other_sites_read_it_unless_told(local: Served):
    answer = local.ask("/echo")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def preflight(server: Served, origin: str) -> Answer:
    return server.ask(
        "/echo",
        method="OPTIONS",
        Origin=origin,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type,x-a",
    )


def test_one_origin_can_be_let_in(tmp_path: Path):
    with running(tmp_path, cors="https://studio.example", token=TOKEN) as server:
        answer = preflight(server, "https://studio.example")
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == "https://studio.example"
        assert answer.headers["access-control-allow-headers"] == "content-type,x-a"
        assert answer.headers["vary"] == "Origin"
        allowed = server.ask(
            "/echo?token=" + QUOTED, b"{}", Origin="https://studio.example", Sec_Fetch_Site="cross-site"
        )
        assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, "https://studio.example")
        refused = server.ask("/echo", b"{}", Origin="https://studio.example")
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, "https://studio.example")
        for origin in ("https://studio.example.evil.example", "http://studio.example", "null"):
            assert preflight(server, origin).status == 403
            assert server.upgrade("/ws?token=" + QUOTED, Origin=origin) == 403


def test_every_origin_can_be_let_in(tmp_path: Path):
    with running(tmp_path, cors="*") as server:
        for origin in ("http://evil.example", "null"):
            assert preflight(server, origin).headers["access-control-allow-origin"] == "*"
            answer = server.ask("/echo", b"{}", Origin=origin)
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
            assert "access-control-allow-credentials" not in answer.headers
        assert server.ask("/echo", Host="evil.example").status == 403  # not even then by another name


# --- token ---------------------------------------------------------------------------------------


def quoted() -> str:
    return TOKEN.encode().decode("latin-1")


def cookie(token: str = TOKEN) -> str:
    return f"{cookie_name(token)}={cookie_value(token)}"


@pytest.mark.parametrize("path", ["/echo", "/page", "/stream", "/nothing", "/fail/fault", "/echo?token=", "//healthz"])
def test_without_a_token_nothing_is_served(guarded: Served, path: str):
    answer = guarded.ask(path)
    assert (answer.status, answer.error) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json["error"]["details"]
    assert guarded.upgrade("/ws") == 401
    assert guarded.ask(path, b"{}").status == 401


@pytest.mark.parametrize("wrong", ["x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "", "\udcff", "None", "null"])
def test_a_wrong_token_is_refused_in_all_places(guarded: Served, wrong: str):
    latin = wrong.encode("utf-8", "surrogateescape").decode("latin-1")
    assert guarded.ask("/echo", Authorization=f"Bearer {latin}").status == 401
    assert guarded.ask("/echo", Authorization=f"Basic {latin}").status == 401
    assert guarded.ask("/echo", X_Api_Key=latin).status == 401
    assert guarded.ask("/echo", Cookie=f"{cookie_name(TOKEN)}={'x' * len(wrong)}").status == 401
    assert guarded.ask("/echo?token=" + "".join(f"%{b:02x}" for b in wrong.encode("utf-8", "replace"))).status == 401
    assert guarded.upgrade("/ws?token=x") == 401


def test_the_token_itself_is_no_cookie(guarded: Served):
    assert guarded.ask("/echo", Cookie=f"{cookie_name(TOKEN)}=" + quoted()).status == 401
    assert guarded.ask("/echo", Cookie=f"token={cookie_value(TOKEN)}").status == 401
    assert guarded.ask("/echo", Cookie=cookie("another token")).status == 401


def test_the_right_token_is_taken_in_all_places(guarded: Served):
    assert guarded.ask("/echo", Authorization="Bearer " + quoted()).status == 200
    assert guarded.ask("/echo", Authorization="bearer " + quoted()).status == 200
    assert guarded.ask("/echo", X_Api_Key=quoted()).status == 200
    assert guarded.ask("/echo?a=1&token=" + QUOTED).status == 200
    assert guarded.ask("/echo", Cookie="a=b; " + cookie()).status == 200
    for path, headers in {"/ws?token=" + QUOTED: {}, "/ws": {"Cookie": cookie()}}.items():
        assert guarded.upgrade(path, **headers) == 101


def test_health_is_open(guarded: Served):
    assert guarded.ask("/healthz").status == 200


def test_a_picture_address_gives_the_cookie(guarded: Served):
    answer = guarded.ask("/stream?token=" + QUOTED)
    assert answer.status == 200
    given = answer.headers["set-cookie"]
    assert given.startswith(cookie() + ";")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(given.split("; "))
    assert guarded.ask("/echo", Cookie=given.split(";")[0]).status == 200
    assert "set-cookie" not in guarded.ask("/echo", Cookie=cookie()).headers
    assert "set-cookie" not in guarded.ask("/echo?token=wrong").headers


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/page?token=" + QUOTED, "/page"),
        ("/page?a=1&token=" + QUOTED + "&b=%20", "/page?a=1&b=%20"),
        ("/page?%74oken=" + QUOTED, "/page"),
        ("//evil.example/?token=" + QUOTED, "/evil.example/"),
        ("/\\evil.example/?token=" + QUOTED, "/evil.example/"),
    ],
)
def test_a_page_is_opened_again_without_the_token(guarded: Served, asked: str, led: str):
    answer = guarded.ask(asked, Accept="text/html")
    assert (answer.status, answer.headers["location"]) == (303, led)
    assert answer.headers["set-cookie"].startswith(cookie())
    from_a_link = guarded.ask(asked, Sec_Fetch_Mode="navigate", Sec_Fetch_Site="cross-site")
    assert f'content="0;url={led.replace("&", "&amp;")}"'.encode() in from_a_link.body


def test_a_browser_without_a_token_is_asked_for_it(guarded: Served):
    answer = guarded.ask("/page", Sec_Fetch_Mode="navigate")
    assert answer.status == 401
    assert b'<input name="token"' in answer.body
    assert b"alert" not in answer.body
    assert b"not the right token" in guarded.ask("/page?token=wrong", Sec_Fetch_Mode="navigate").body
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    markup = guarded.ask('/page?a="><script>', Sec_Fetch_Mode="navigate", Sec_Fetch_Site="cross-site")
    assert b"<script>" not in markup.body


def test_guessing_is_slowed():
    now = [0.0]
    guesses = Guesses(lambda: now[0])
    for i in range(100):
        guesses.wrong("10.0.0.1", "the same old token")
        guesses.wrong("127.0.0.1", str(i))
    assert not guesses.many("10.0.0.1")
    assert not guesses.many("127.0.0.1")
    for i in range(20):
        guesses.wrong("10.0.0.1", str(i))
        guesses.wrong(f"2001:db8::{i:x}", str(i))
    assert guesses.many("10.0.0.1")
    assert guesses.many("::ffff:10.0.0.1")
    assert guesses.many("2001:db8::ffff")
    assert not guesses.many("10.0.0.2")
    assert not guesses.many("2001:db8:0:1::1")
    now[0] = 61.0
    assert not guesses.many("10.0.0.1")


def test_a_guesser_waits_even_with_the_right_token(guarded: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("web.tokens._network", lambda address: "10.0.0.1")
    for i in range(20):
        assert guarded.ask("/echo", X_Api_Key=str(i)).status == 401
    answer = guarded.ask("/echo", X_Api_Key=quoted())
    assert (answer.status, answer.error, answer.headers["retry-after"]) == (429, "too_many_requests", "60")
    assert guarded.ask("/healthz").status == 200


def test_the_token_is_never_in_the_log(tmp_path: Path):
    log = io.StringIO()
    with running(tmp_path, log, token=TOKEN) as server:
        for path in ("/echo", "/fail/fault", "/nothing", "/stream", "/page"):
            server.ask(f"{path}?token={QUOTED}", b"{", Authorization="Bearer " + quoted(), Cookie=cookie())
            server.ask(f"{path}?token={QUOTED}", Authorization="Bearer " + quoted())
        server.raw(b"BAD /?token=" + QUOTED.encode() + b" HTTP/9.9\r\n\r\n")
    text = log.getvalue()
    assert "/fail/fault" in text
    for secret in (TOKEN, QUOTED, quoted(), "staple", cookie_value(TOKEN)):
        assert secret not in text


# --- size, depth, headers, failures --------------------------------------------------------------


def chunked(size: int) -> bytes:
    body = b" " * size
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n" % size + body + b"\r\n0\r\n\r\n"


def test_a_body_that_says_it_is_too_large_is_refused_unread(local: Served):
    answer = local.ask("/echo", b"", Content_Length="10001")  # nothing follows
    assert (answer.status, answer.error) == (413, "too_large")
    assert local.ask("/echo", b"0" + b" " * 9_000).status == 200


def test_a_body_without_a_length_is_cut_off(local: Served):
    assert local.raw(chunked(10_001)).status == 413
    assert local.raw(chunked(9_000)).status == 200


def test_a_compressed_body_is_measured_unpacked(local: Served):
    import gzip

    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < 10_000
    assert local.ask("/echo", bomb, Content_Encoding="gzip").status == 413
    assert local.ask("/echo", b"not gzip at all", Content_Encoding="gzip").status == 400


def test_deep_json_is_refused(local: Served):
    answer = local.ask("/echo", b"[" * 4_000 + b"]" * 4_000)
    assert (answer.status, answer.error) == (400, "invalid_json")


@pytest.mark.parametrize("path", ["/echo", "/page", "/stream", "/nothing", "/fail/fault", "/fail/file"])
def test_every_answer_has_the_headers_that_bind_browsers(local: Served, path: str):
    headers = local.ask(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["server"] == "mezzotint"


def test_only_pages_may_run_anything(tmp_path: Path, local: Served):
    ours = local.ask("/page").headers["content-security-policy"]
    assert "default-src 'self'" in ours
    assert "unsafe-eval" not in ours
    assert "script" not in ours  # so that default-src holds
    assert "sandbox" in local.ask("/echo").headers["content-security-policy"]
    with running(tmp_path, front_end=tmp_path) as server:
        assert "'unsafe-eval'" in server.ask("/page").headers["content-security-policy"]
        assert "sandbox" in server.ask("/echo").headers["content-security-policy"]


def test_a_failure_tells_the_client_a_number_and_the_log_the_reason(tmp_path: Path):
    log = io.StringIO()
    with running(tmp_path, log) as server:
        answer = server.ask("/fail/fault")
        assert (answer.status, answer.error) == (500, "internal_error")
        for leak in (b"secret", b"RuntimeError", b"Traceback", b".py"):
            assert leak not in answer.body
        half = server.ask("/stream?fail=1")
        assert half.body.startswith(b"data: 1")
        assert b"secret" not in half.body
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    (told,) = [e for e in entries if e.get("id")]
    assert told["id"] == answer.json["error"]["details"]
    assert "/secret/folder" in told["traceback"]
    assert any("while GET /stream was answered" in e["message"] for e in entries)


@pytest.mark.parametrize(
    ("kind", "status", "type"),
    [
        ("file", 400, "bad_file"),
        ("late", 503, "worker_busy"),
        ("full", 507, "disk_full"),
        ("jobs", 507, "disk_full"),
        ("lost", 503, "worker_lost"),
    ],
)
def test_failures_that_mean_something_are_told(local: Served, kind: str, status: int, type: str):
    answer = local.ask(f"/fail/{kind}")
    assert (answer.status, answer.error) == (status, type)
    assert b"secret" not in answer.body


def test_what_aiohttp_refuses_is_json_too(local: Served):
    assert (missing := local.ask("/nothing")).status == 404
    assert missing.error == "not_found"
    method = local.ask("/echo", method="DELETE")
    assert (method.status, method.error, method.headers["allow"]) == (405, "method_not_allowed", "GET,HEAD,POST")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /echo\r\n\r\n",
    ],
)
def test_malformed_requests_are_refused_and_end_the_connection(local: Served, request_: bytes):
    answer = local.raw(request_)
    assert answer.status in (400, 403)
    for leak in (b"Traceback", b".py", b"site-packages"):
        assert leak not in answer.body


def test_errors_are_logged_and_ordinary_answers_are_not(tmp_path: Path):
    log = io.StringIO()
    with running(tmp_path, log) as server:
        server.ask("/echo")
        server.ask("/nothing")
        server.ask("/echo", b"{")
        server.ask("/echo", Host="evil.example")
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(e["message"], e["status"]) for e in entries] == [("POST /echo", 400), ("GET /echo", 403)]
