"""The standard's history: the jobs that are over."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from aiohttp import web

from executor.jobs import Job
from executor.jobs.records import FINISHED
from web.body import read_json
from web.errors import problem
from web.reply import as_json, commas, stream
from web.routes.queue import as_object, ids
from web.standard import history_entry, text
from web.state import STATE, State

routes = web.RouteTableDef()
PAGE = 100  # jobs read at once


@routes.get("/history")
async def history(request: web.Request) -> web.StreamResponse:
    """The newest `max_items` finished jobs, or those from `offset` on; the oldest first."""
    most, offset = integer(request, "max_items"), integer(request, "offset")
    return await stream(request, _entries(request.app[STATE], most, -1 if offset is None else offset))


def integer(request: web.Request, name: str) -> int | None:
    """A whole number of the query. Raises problem 400."""
    value = request.query.get(name)
    if value is None or value == "":
        return None
    try:
        return max(-1, min(int(value), 1 << 31))
    except ValueError:
        raise problem(400, "invalid_request", f"{name} must be a whole number") from None


def _entries(state: State, most: int | None, offset: int) -> Iterator[str]:
    yield "{"
    yield from commas(_entry(job) for job in _jobs(state, most, offset))
    yield "}"


def _entry(job: Job) -> str:
    return f"{json.dumps(job.id)}:{text(history_entry(job))}"


def _jobs(state: State, most: int | None, offset: int) -> Iterator[Job]:
    """As Jobs.history has them, but never more than a page in memory."""
    if most is not None and offset < 0:
        offset = state.jobs.list(FINISHED, limit=0)[1] - most
    offset, left = max(0, offset), sys.maxsize if most is None else most
    while left > 0 and (found := state.jobs.history(min(PAGE, left), offset)):
        yield from found
        offset, left = offset + len(found), left - len(found)


@routes.get("/history/{id}")
async def of_one(request: web.Request) -> web.Response:
    """One finished job by its id; `{}` while it is not finished."""
    job = request.app[STATE].jobs.get(request.match_info["id"])
    return as_json({} if job is None or job.state not in FINISHED else {job.id: history_entry(job)})


@routes.post("/history")
async def forget(request: web.Request) -> web.Response:
    """`{clear}` or `{delete: [prompt_id]}`: forget finished jobs. Their pictures stay."""
    state = request.app[STATE]
    body = as_object(await read_json(request, state, empty=True))
    forgotten = ids(body, "delete")
    if body.get("clear"):
        state.jobs.forget_all()
    if forgotten:
        state.jobs.forget(forgotten)
    return web.Response()
