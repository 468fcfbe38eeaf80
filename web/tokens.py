"""The token that every client has to show where more than this machine can connect."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable, Iterable, Iterator
from html import escape
from urllib.parse import unquote_plus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from web.errors import problem

OPEN = {"/healthz", "/readyz", "/api/healthz", "/api/readyz"}
COOKIE_DAYS = 30
GUESSES = 20  # different wrong tokens that one address may try in a minute
_REMEDY = (
    "give the token that the server printed at its start, as `Authorization: Bearer TOKEN`, as `?token=TOKEN`, "
    "or by opening the page with it once"
)
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Mezzotint</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><style>body{{font:16px system-ui;margin:15vh auto;max-width:24em;
padding:0 1em}}input,button{{font:inherit;padding:.4em}}</style>{body}</html>"""
_WRONG = "<p role='alert'>That was not the right token.</p>"
_FORM = """<h1>Mezzotint</h1>{said}<form><p><label>Token, as the server printed it at its start<br>
<input name="token" type="password" autocomplete="current-password" autofocus required></label>
<button>Open</button></p></form>"""


class Guesses:
    """How many different wrong tokens each address has tried of late."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._tried: dict[str, set[bytes]] = {}

    def wrong(self, address: str | None, token: str) -> None:
        """Note a wrong token. The same one again, as of a page that was left open, does not count."""
        self._tried.setdefault(_network(address), set()).add(_digest(token))

    def many(self, address: str | None) -> bool:
        """Whether that address has to wait. Never loopback: behind a proxy all come from there."""
        if self._clock() - self._since > 60:
            self._tried.clear()
            self._since = self._clock()
        network = _network(address)
        return network != "loopback" and len(self._tried.get(network, ())) >= GUESSES


def _network(address: str | None) -> str:
    """What one person has: an address, or a /64 of IPv6."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "loopback"  # a Unix socket
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip
    if ip.is_loopback:
        return "loopback"
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))


def check_token(token: str) -> Middleware:
    """Let through who shows the token."""
    guesses = Guesses()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN:
            return await handler(request)
        if guesses.many(request.remote):
            raise _later()
        if not (_right(_shown(request), token) or _has_cookie(request, token)):
            for given in _shown(request):
                guesses.wrong(request.remote, given)
            return _refusal(request)
        if logs_in(request, token) and _is_navigation(request):
            return _redirect(request)
        return await handler(request)

    return check


def logs_in(request: web.Request, token: str) -> bool:
    """Whether the address has the token: then the answer gives the cookie, so that the next one need not."""
    return _right(request.query.getall("token", ()), token)


def give_cookie(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Set the cookie that stands for the token from now on."""
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    cookie = f"{cookie_name(token)}={cookie_value(token)}; Max-Age={COOKIE_DAYS * 86_400}; Path=/"
    # As a header, since aiohttp has written its own cookies by the time that streams come here.
    response.headers.add("Set-Cookie", f"{cookie}; HttpOnly; SameSite=Strict{'; Secure' * secure}")


def cookie_name(token: str) -> str:
    """Another one for every server: browsers send cookies to all ports of a host."""
    return "mezzotint_" + hashlib.sha256(b"name " + token.encode()).hexdigest()[:8]


def cookie_value(token: str) -> str:
    """Not the token itself, which may have any characters and is better not in a browser's files."""
    return hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest()


def _shown(request: web.Request) -> Iterator[str]:
    """The tokens that a request has, wherever it may have them."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield given.strip()
    if "X-Api-Key" in request.headers:
        yield request.headers["X-Api-Key"]
    yield from request.query.getall("token", ())


def _right(given: Iterable[str], token: str) -> bool:
    return any(hmac.compare_digest(_digest(text), _digest(token)) for text in given)


def _has_cookie(request: web.Request, token: str) -> bool:
    given = request.cookies.get(cookie_name(token), "")
    return hmac.compare_digest(given.encode(errors="replace"), cookie_value(token).encode())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="backslashreplace")).digest()


def _is_navigation(request: web.Request) -> bool:
    """Whether a browser opens this as a page."""
    mode = request.headers.get("Sec-Fetch-Mode")
    wants_page = mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")
    return request.method == "GET" and wants_page


def _refusal(request: web.Request) -> web.Response:
    if not _is_navigation(request):
        error = problem(401, "unauthorized", "this server asks for a token, and the request has no right one", _REMEDY)
        error.headers["WWW-Authenticate"] = "Bearer"
        raise error
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return _again(request)  # a link on another site: the browser kept the cookie back
    return _page(_FORM.format(said=_WRONG if "token" in request.query else ""), 401)


def _redirect(request: web.Request) -> web.Response:
    """To the same page without the token, which should be in no history and on no screen shot."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return _again(request)  # the cookie would be kept back after a redirect
    return web.Response(status=303, headers={"Location": without_token(request), "Cache-Control": "no-store"})


def _again(request: web.Request) -> web.Response:
    """A page that opens the one asked for; since it is ours, the browser sends the cookie then."""
    return _page(f'<meta http-equiv="refresh" content="0;url={escape(without_token(request))}">', 200)


def _page(body: str, status: int) -> web.Response:
    text = _PAGE.format(body=body)
    return web.Response(status=status, text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def without_token(request: web.Request) -> str:
    """Path and query of a request, without the token. It starts with one slash, so it leads to no other host."""
    path, _, query = request.path_qs.partition("?")
    kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) != "token"]
    return "/" + path.lstrip("/\\") + ("?" + "&".join(kept) if kept else "")


def _later() -> web.HTTPException:
    error = problem(429, "too_many_requests", "too many wrong tokens came from this address; wait a minute")
    error.headers["Retry-After"] = "60"
    return error
