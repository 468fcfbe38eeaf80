"""The standard's queue: what waits and runs, and how to change that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from aiohttp import web

from executor.jobs import UnknownJob
from executor.worker.supervisor import WorkerLost
from web.body import read_json
from web.ending import tell_dropped
from web.errors import problem
from web.reply import commas, stream
from web.standard import queue_item, text
from web.state import STATE, State

routes = web.RouteTableDef()
FREEING = 30.0  # seconds


@routes.get("/queue")
async def queue(request: web.Request) -> web.StreamResponse:
    """All that runs and waits, in order, and whether the queue is paused."""
    return await stream(request, _queue(request.app[STATE]))


def _queue(state: State) -> Iterator[str]:
    running, pending = state.jobs.queue()  # of one moment, as a job may start while the answer is on its way
    yield '{"queue_running":['
    yield from commas(text(queue_item(job)) for job in running)
    yield '],"queue_pending":['
    yield from commas(text(queue_item(job)) for job in pending)
    yield f'],"paused":{json.dumps(state.jobs.paused)}}}'


@routes.post("/queue")
async def change(request: web.Request) -> web.Response:
    """`{clear}`, `{delete: [prompt_id]}` and ours: `{pause}`, `{move: {prompt_id, position}}`."""
    state = request.app[STATE]
    body = as_object(await read_json(request, state, empty=True))
    deleted, move, pause = ids(body, "delete"), _move(body), _pause(body)
    if body.get("clear"):
        tell_dropped(state, state.jobs.clear())
    if deleted:
        tell_dropped(state, state.jobs.delete(deleted))
    if move:
        _moved(state, *move)
    if pause is not None:
        state.jobs.paused = pause
    state.dispatcher.changed()
    state.dispatcher.wake()
    return web.Response()


def as_object(body: Any) -> dict[str, Any]:
    """A body that must be an object. Raises problem 400."""
    if not isinstance(body, dict):
        raise problem(400, "invalid_request", "the body must be an object")
    return body


def ids(body: dict[str, Any], name: str) -> list[str]:
    """The job ids that a body names. Raises problem 400."""
    value = body.get(name) or []
    if not (isinstance(value, list) and all(isinstance(id, str) for id in value)):
        raise problem(400, "invalid_request", f"{name} must be a list of job ids")
    return value


def _move(body: dict[str, Any]) -> tuple[str, int] | None:
    if "move" not in body:
        return None
    move = body["move"]
    id, position = (move.get("prompt_id"), move.get("position")) if isinstance(move, dict) else (None, None)
    if not isinstance(id, str) or type(position) is not int or position < 0:
        raise problem(400, "invalid_request", 'move must be {"prompt_id": ID, "position": 0 for the next, 1, ...}')
    return id, position


def _moved(state: State, id: str, position: int) -> None:
    try:
        state.jobs.move(id, position)
    except UnknownJob:
        raise problem(404, "not_found", f"no job {id[:64]} waits in the queue") from None


def _pause(body: dict[str, Any]) -> bool | None:
    pause = body.get("pause")
    if pause is not None and not isinstance(pause, bool):
        raise problem(400, "invalid_request", "pause must be true or false")
    return pause


@routes.post("/interrupt")
async def interrupt(request: web.Request) -> web.Response:
    """End the job that runs, or only the one named by `prompt_id`. The body may be anything."""
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        body = {}
    id = body.get("prompt_id") if isinstance(body, dict) else None
    await request.app[STATE].dispatcher.interrupt(id if isinstance(id, str) else None)
    return web.Response()


@routes.post("/free")
async def free(request: web.Request) -> web.Response:
    """Let go of the models, and of all values in memory."""
    state = request.app[STATE]
    body = as_object(await read_json(request, state, empty=True))
    values = bool(body.get("free_memory"))
    models = values or bool(body.get("unload_models"))
    if models and state.worker.ready:  # one that is not has nothing to let go of
        with suppress(WorkerLost):  # nor has one that has just died
            await state.worker.ask("free", timeout=FREEING, models=models, values=values)
    return web.Response()
