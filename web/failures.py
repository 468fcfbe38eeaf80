"""What a client is told when a request fails, whatever the reason, and what the log says of it."""

from __future__ import annotations

import asyncio
import errno
import json
import secrets
import time
import traceback

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from executor.files import FileProblem
from executor.jobs import JobsError
from executor.worker.supervisor import WorkerLost
from web.state import STATE, State

SLOW = 2.0  # seconds
_QUIET = ("/readyz", "/api/readyz")  # asked every few seconds; the answer is no fault
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_KNOWN: dict[int, tuple[str, str]] = {  # aiohttp's own refusals: type and message
    400: ("bad_request", "the request cannot be read; see /openapi.json for what is expected"),
    404: ("not_found", "there is nothing at this address; /openapi.json lists all there is"),
    405: ("method_not_allowed", "this address does not take this method; /openapi.json lists what each takes"),
    413: ("too_large", "the request is larger than this server takes; see max_upload_size of /features"),
}


@web.middleware
async def answer_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every error the standard's shape; log errors and slow requests."""
    start = time.perf_counter()
    state = request.app[STATE]
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type == "application/json":
            _report(state, request, error, start)
            raise
        response = _in_our_words(error)
    except Exception as error:
        if request.transport is None or request.writer.output_size:
            _gone(state, request, error)
            raise ConnectionResetError from error  # an answer has begun, or nobody reads it
        response = _expected(error) or _unexpected(state, request, error)
    _report(state, request, response, start)
    return response


def _in_our_words(error: web.HTTPException) -> web.Response:
    type, message = _KNOWN.get(error.status, ("http_error", error.reason))
    kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Retry-After")}
    return _answer(error.status, type, message, headers=kept)


def _answer(
    status: int, type: str, message: str, details: str = "", headers: dict[str, str] | None = None
) -> web.Response:
    error = {"type": type, "message": message, "details": details, "extra_info": {}}
    text = json.dumps({"error": error, "node_errors": {}})
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)


def _expected(error: Exception) -> web.Response | None:
    """The answer to an exception that means something to people; None if it means a fault of ours."""
    if isinstance(error, FileProblem):
        return _answer(400, "bad_file", str(error))
    if isinstance(error, WorkerLost):
        return _answer(503, "worker_lost", str(error))
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return _answer(503, "worker_busy", "the worker process did not answer in time; try again")
    if isinstance(error, web.RequestPayloadError | HttpProcessingError):
        return _answer(400, "bad_body", "the body of the request came incomplete or is encoded wrongly")
    full = isinstance(error, OSError) and error.errno in _FULL
    if full or (isinstance(error, JobsError) and "disk is full" in str(error)):
        return _answer(507, "disk_full", "the disk is full, so nothing was kept of this; make room and try again")
    return None


def _unexpected(state: State, request: web.Request, error: Exception) -> web.Response:
    """The client gets a number, and only the log what happened: an exception may name paths or secrets."""
    id = secrets.token_hex(4)
    trace = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__} in {request.method} {request.path}"
    state.logs.event("error", what, id=id, traceback=trace)
    return _answer(500, "internal_error", f"the server failed at this request; its log says why under {id}", id)


def _gone(state: State, request: web.Request, error: Exception) -> None:
    if not isinstance(error, ConnectionError):
        what = f"{type(error).__name__} while {request.method} {request.path} was answered"
        state.logs.event("error", what, traceback="".join(traceback.format_exception(error)))


def _report(state: State, request: web.Request, response: web.StreamResponse, start: float) -> None:
    """Count the answer, and log it if it is of interest. The query is left out: it may hold a token."""
    seconds = time.perf_counter() - start
    status = response.status
    state.metrics.answer(status)
    refused = status >= 400 and status != 404 and request.path not in _QUIET
    if refused or (seconds > SLOW and not _stream(response)):
        level = "error" if status >= 500 else "warning" if refused else "info"
        what = f"{request.method} {request.path}"
        state.logs.event(level, what, status=status, ms=round(seconds * 1000), client=request.remote)


def _stream(response: web.StreamResponse) -> bool:
    return isinstance(response, web.WebSocketResponse) or response.content_type == "text/event-stream"
