"""The server-sent events of a job: what was missed comes from the database, what follows comes live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from executor.jobs import Job
from executor.jobs.records import FINISHED
from web.errors import problem
from web.job_view import links, present
from web.routes.jobs import found
from web.standard import STATUS, text
from web.state import STATE, State
from web.stream.feed import MISSED, Item

routes = web.RouteTableDef()
HEARTBEAT = 15.0  # seconds without an event after which a comment shows that the line is alive
RETRY = 1000  # milliseconds that a browser waits before it comes back
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # a proxy must not keep events back
}


@routes.get("/jobs/{id}/events")
async def events(request: web.Request) -> web.StreamResponse:
    """What happens to a job: first `state`, then all since `Last-Event-ID`, until `end`."""
    state = request.app[STATE]
    job: Job = found(request)
    last = _last_seen(request)
    if _nothing_left(state, job, last):
        return web.Response(status=204)  # the word of the protocol for: do not come back
    response = web.StreamResponse(headers=HEADERS)
    async with state.feed.subscribe(job.id) as live:
        await response.prepare(request)
        try:
            await _send_all(response, state, job, last, live)
            await response.write_eof()
        except ConnectionError:  # the reader has gone; it may come back and go on
            pass
    return response


def _last_seen(request: web.Request) -> int:
    """The number of the last durable event that the reader has; 0 for none."""
    value = request.headers.get("Last-Event-ID") or request.query.get("last_event_id") or "0"
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise problem(400, "invalid_request", "Last-Event-ID must be the id of an event of this job")
    return int(value)


def _nothing_left(state: State, job: Job, last: int) -> bool:
    """Whether the reader has seen the end."""
    return last > 0 and job.state in FINISHED and not state.jobs.events_after(job.id, last)


async def _send_all(response: web.StreamResponse, state: State, job: Job, last: int, live: AsyncIterator[Item]) -> None:
    first = {**present(job, state), "id": job.id, "links": links(job.id)}
    await response.write(f"retry: {RETRY}\n{frame(None, 'state', first)}".encode())
    last, over = await _send_stored(response, state, job.id, last)
    while not over:
        seq, type, data = await next_event(response, live)
        if type == MISSED:
            last, over = await _send_stored(response, state, job.id, last)
        elif seq is None or seq > last:
            await response.write(frame(seq, type, data).encode())
            last, over = max(last, seq or 0), type == "end"


async def _send_stored(response: web.StreamResponse, state: State, id: str, last: int) -> tuple[int, bool]:
    """Send the durable events after `last`: the number of the last one, and whether the job is over."""
    stored = state.jobs.events_after(id, last)
    for seq, type, data in stored:
        await response.write(frame(seq, type, data).encode())
        last = seq
        if type == "end":
            return last, True
    job = state.jobs.get(id)
    if job is not None and job.state not in FINISHED:
        return last, False
    # It ended without a word, or was taken from the queue.
    await response.write(frame(None, "end", {"status": STATUS[job.state] if job else "cancelled"}).encode())
    return last, True


async def next_event(response: web.StreamResponse, live: AsyncIterator[Item]) -> Item:
    """The next live event; comments meanwhile."""
    while True:
        try:
            return await asyncio.wait_for(anext(live), HEARTBEAT)
        except asyncio.TimeoutError:
            await response.write(b": still here\n\n")
        except StopAsyncIteration:  # the server stops; the reader comes back to its successor
            raise ConnectionResetError from None


def frame(seq: int | None, type: str, data: dict[str, Any]) -> str:
    """One event. Live ones have no id, so that a reader resumes after the last durable one."""
    id = "" if seq is None else f"id: {seq}\n"
    return f"{id}event: {type}\ndata: {text(data)}\n\n"
