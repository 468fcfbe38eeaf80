"""Who may call: the Host and the Origin of a request, its token and its size; and the headers of every answer."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from web import tokens
from web.config import Config
from web.errors import problem
from web.failures import answer_failures
from web.options import is_loopback

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?")
_PORTS = {"http": 80, "https": 443}
_SAFE = ("GET", "HEAD", "OPTIONS")
_COMMON = "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_OUR_PAGE = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self' data:; "
    f"style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; {_COMMON}"
)
# The standard's front end compiles templates, and runs WebAssembly and inline scripts; it still calls nobody else.
_THEIR_PAGE = f"default-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob: data:; {_COMMON}"
_NO_PAGE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_RUNS = ("text/html", "text/javascript", "application/javascript")


def middlewares(config: Config) -> list[Middleware]:
    """What every request goes through, outermost first."""
    checks = [answer_failures, _check_host(config), _check_origin(config)]
    if config.token is not None:
        checks.append(tokens.check_token(config.token))
    return [*checks, _check_size(config)]


def headers(config: Config) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal handler for `on_response_prepare` (a middleware would come too late for streams)."""
    page = _THEIR_PAGE if config.front_end else _OUR_PAGE
    fixed = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Resource-Policy": "cross-origin" if config.cors else "same-origin",
    }

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        for name, value in fixed.items():
            response.headers.setdefault(name, value)
        response.headers["Server"] = "mezzotint"
        runs = response.content_type in _RUNS
        response.headers.setdefault("Content-Security-Policy", page if runs else _NO_PAGE)
        if config.cors:
            response.headers.update(_cors(config.cors, request))
        if config.token and tokens.logs_in(request, config.token):
            tokens.give_cookie(request, response, config.token)

    return add


# --- Host ----------------------------------------------------------------------------------------


def _check_host(config: Config) -> Middleware:
    """Refuse names that are not ours: a page of another site could have pointed its name to this machine."""
    expected = _expected(config)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.getall("Host", [])
        if len(given) > 1 or not expected(_split("".join(given))[0]):
            remedy = "open it as localhost or by its IP address, or start the server with --token"
            raise problem(403, "forbidden_host", "the server is not known by the name in the request's Host", remedy)
        return await handler(request)

    return check


def _expected(config: Config) -> Callable[[str], bool]:
    if config.token is not None:
        return lambda _: True  # a page of another site has no token
    if all(map(is_loopback, config.listen)):
        return lambda name: is_loopback(name)
    own = socket.gethostname().lower()
    short = own.partition(".")[0]
    names = {own, short, f"{short}.local", *config.listen}
    return lambda name: name in names or is_loopback(name) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _split(host: str) -> tuple[str, int | None]:
    """`[::1]:8188` -> (`::1`, 8188); an empty name for what is no host."""
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return "", None
    return match[1].strip("[]").removesuffix("."), int(match[2]) if match[2] else None


# --- Origin --------------------------------------------------------------------------------------


def _check_origin(config: Config) -> Middleware:
    """Refuse what pages of other sites send; answer their browsers' questions where they are allowed."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get(hdrs.ORIGIN)
        allowed = _allowed(config, origin)
        if not allowed and (_foreign(request, origin, config) if origin is not None else _cross_site(request)):
            remedy = "to allow pages of another origin, start the server with --enable-cors-header ORIGIN"
            raise problem(403, "forbidden_origin", "a page of another site sent this request", remedy)
        if allowed and request.method == "OPTIONS" and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            return web.Response(status=204)
        return await handler(request)

    return check


def _allowed(config: Config, origin: str | None) -> bool:
    if origin is None or config.cors is None:
        return False
    return config.cors == "*" or origin.lower() == config.cors.lower().rstrip("/")


def _foreign(request: web.Request, origin: str, config: Config) -> bool:
    """Whether the page is of another host or port than the one it calls. `null` is always another."""
    scheme, _, place = origin.partition("://")
    if scheme not in _PORTS or (config.tls_cert and scheme != "https"):
        return True
    page, ours = _split(place), _split(request.headers.get("Host", ""))
    return not page[0] or (page[0], page[1] or _PORTS[scheme]) != (ours[0], ours[1] or _PORTS[scheme])


def _cross_site(request: web.Request) -> bool:
    """Whether a browser says so, of what changes something or opens a WebSocket."""
    harmless = request.method in _SAFE and request.headers.get("Upgrade", "").lower() != "websocket"
    return not harmless and request.headers.get("Sec-Fetch-Site") == "cross-site"


def _cors(cors: str, request: web.Request) -> dict[str, str]:
    asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "")
    answer = {
        "Access-Control-Allow-Origin": cors.rstrip("/"),
        "Access-Control-Expose-Headers": "Content-Disposition, Location",
    }
    if cors != "*":
        answer |= {"Vary": "Origin", "Access-Control-Allow-Credentials": "true"}
    if request.method == "OPTIONS":
        answer |= {
            "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": asked or "Content-Type, Authorization",
            "Access-Control-Max-Age": "600",
        }
        if "Access-Control-Request-Private-Network" in request.headers:
            answer["Access-Control-Allow-Private-Network"] = "true"
    return answer


# --- size ----------------------------------------------------------------------------------------


def _check_size(config: Config) -> Middleware:
    """Refuse a body that says it is too large, before a byte of it is read."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        length = request.content_length or 0
        if length > config.limits.body:
            raise web.HTTPRequestEntityTooLarge(config.limits.body, length)
        return await handler(request)

    return check
