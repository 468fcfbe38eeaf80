"""Jobs without a WebSocket: lists, states, and server-sent events that can be resumed."""

from __future__ import annotations

from aiohttp import web

from executor.jobs import Job
from executor.jobs.records import FINISHED
from executor.jobs.records import State as JobState
from web import job_view
from web.ending import cancel_waiting, tell_dropped
from web.errors import problem
from web.reply import as_json, commas, stream
from web.routes.history import integer
from web.standard import STATUS, text
from web.state import STATE, State

routes = web.RouteTableDef()
LIMIT = 100  # jobs of a page
MOST = 1_000
_STATES: dict[str, JobState] = {**{word: state for state, word in STATUS.items()}, **{state: state for state in STATUS}}
_NEWEST = {"desc": True, "asc": False}


@routes.get("/jobs")
async def jobs(request: web.Request) -> web.StreamResponse:
    """A page of all jobs, the newest first unless asked otherwise, and whether the queue is paused."""
    state = request.app[STATE]
    limit = max(1, min(integer(request, "limit") or LIMIT, MOST))
    offset = max(0, integer(request, "offset") or 0)
    query = request.query
    found, total = state.jobs.list(
        states=_states(query.get("status", "")),
        client_id=query.get("client_id") or None,
        search=query.get("search") or None,
        workflow_id=query.get("workflow_id") or None,
        limit=limit,
        offset=offset,
        newest=_newest(request),
    )
    pagination = {"offset": offset, "limit": limit, "total": total, "has_more": offset + len(found) < total}
    items = (text(job_view.item(job, state.jobs.position)) for job in found)
    end = f'],"pagination":{text(pagination)},"paused":{text(state.jobs.paused)}}}'
    return await stream(request, ['{"jobs":[', *commas(items), end])


def _states(wanted: str) -> list[JobState] | None:
    words = [word.strip() for word in wanted.split(",") if word.strip()]
    for word in words:
        if word not in _STATES:
            raise problem(400, "invalid_request", f"status must be of {', '.join(STATUS.values())}", word[:64])
    return [_STATES[word] for word in words] or None


def _newest(request: web.Request) -> bool:
    if request.query.get("sort_by", "create_time") != "create_time":
        raise problem(400, "invalid_request", "sort_by must be create_time")
    order = request.query.get("sort_order", "desc")
    if order not in _NEWEST:
        raise problem(400, "invalid_request", "sort_order must be asc or desc")
    return _NEWEST[order]


@routes.get("/jobs/{id}")
async def job(request: web.Request) -> web.Response:
    """All about one job: its state, place, progress, outputs so far, error, and what it runs."""
    state = request.app[STATE]
    return as_json(job_view.detail(found(request), state))


def found(request: web.Request) -> Job:
    """The job that the path names. Raises problem 404."""
    id = request.match_info["id"]
    known = request.app[STATE].jobs.get(id)
    if known is None:
        raise problem(404, "not_found", f"there is no job {id[:64]}")
    return known


@routes.post("/jobs/{id}/cancel")
async def cancel(request: web.Request) -> web.Response:
    """End a job that runs or waits; one that is over stays as it is. Answers with its state."""
    state = request.app[STATE]
    await end(state, found(request))
    return as_json(job_view.detail(found(request), state))


async def end(state: State, job: Job) -> None:
    """Cancel a job, wherever it is."""
    if job.state == "pending":
        cancel_waiting(state, job.id)
        state.dispatcher.changed()
    elif job.state == "running":
        await state.dispatcher.interrupt(job.id)


@routes.delete("/jobs/{id}")
async def delete(request: web.Request) -> web.Response:
    """Take a waiting job from the queue, or a finished one from the history."""
    state = request.app[STATE]
    job = found(request)
    if job.state == "running":
        raise problem(409, "job_runs", f"the job {job.id} runs; POST /jobs/{job.id}/cancel ends it")
    if job.state in FINISHED:
        state.jobs.forget([job.id])
    else:
        tell_dropped(state, state.jobs.delete([job.id]))
        state.dispatcher.changed()
    return web.Response(status=204)
