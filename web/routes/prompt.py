"""Submitting a graph."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from executor.jobs import DuplicateId, Job
from web import submission
from web.ask import ask
from web.errors import problem
from web.reply import as_json
from web.standard import brief, node_errors, number, refusal, text
from web.state import STATE, State
from web.submission import Submission

routes = web.RouteTableDef()
NOTES = 50  # that an answer tells at most


@routes.get("/prompt")
async def remaining(request: web.Request) -> web.Response:
    """How many jobs wait or run."""
    return as_json({"exec_info": {"queue_remaining": request.app[STATE].jobs.remaining()}})


@routes.post("/prompt")
async def submit(request: web.Request) -> web.Response:
    """Queue a job of what is sent: the standard's prompt, a graph, a saved workflow, or a picture with either."""
    state = request.app[STATE]
    asked = await submission.read(request, state)
    prepared = await prepare(state, asked)
    job, new = add(state, asked, prepared, str(request.url.origin()))
    answer: dict[str, Any] = {"prompt_id": job.id, "number": number(job.number), "node_errors": job.node_errors}
    if notes := _notes(prepared):
        answer["notes"] = notes
    return as_json(answer, headers={} if new else {"Idempotency-Replayed": "true"})


async def prepare(state: State, asked: Submission) -> dict[str, Any]:
    """The graph of a submission, and what of it can run. Raises problem 400 if nothing can."""
    prepared = await ask(
        state,
        "prepare",
        payload=asked.payload,
        document=asked.document,
        name=asked.name,
        targets=asked.targets,
        sweep=asked.sweep,
    )
    prepared["graph"] = prepared["graph"] if prepared["graph"] is not None else asked.document
    submission.check_nodes(max(len(prepared["graph"]), prepared.get("size") or 0), state.config)
    if not prepared["targets"]:
        raise _refused(prepared)
    return prepared


def _refused(prepared: dict[str, Any]) -> web.HTTPException:
    graph, problems = prepared["graph"], prepared["problems"]
    error = refusal(problems, graph)
    answer = {"error": error, "node_errors": node_errors(problems, prepared["dependents"], graph)}
    return web.HTTPBadRequest(text=text(answer), content_type="application/json")


def add(state: State, asked: Submission, prepared: dict[str, Any], origin: str) -> tuple[Job, bool]:
    """The job, and whether it is new: the same Idempotency-Key names the same job. Raises problem 409."""
    extra = _extra(asked.extra, prepared.get("workflow"))
    extra.pop("sweep", None)
    if prepared.get("sweep"):
        extra["sweep"] = prepared["sweep"]
    if asked.webhook:
        extra["origin"] = origin  # so that the message can say where the outputs are
    try:
        job, new = state.jobs.add(
            prepared["graph"],
            prepared["targets"],
            id=asked.id,
            client_id=asked.client_id,
            extra=extra,
            number=asked.number,
            front=asked.front,
            force=asked.force,
            preview=asked.preview,
            webhook=asked.webhook,
            key=asked.key,
            node_errors=node_errors(prepared["problems"], prepared["dependents"], prepared["graph"]),
        )
    except DuplicateId:
        raise problem(409, "duplicate_prompt_id", f"there is a job {asked.id} already; choose another id") from None
    if new:
        state.dispatcher.changed()
        state.dispatcher.wake()
    return job, new


def _extra(extra: dict[str, Any], workflow: Any) -> dict[str, Any]:
    """The extra data, with the workflow that the graph was read from, so that pictures carry it."""
    if workflow is None:
        return dict(extra)
    info = extra.get("extra_pnginfo")
    return {**extra, "extra_pnginfo": {"workflow": workflow} | (info if isinstance(info, dict) else {})}


def _notes(prepared: dict[str, Any]) -> list[str]:
    """What a person should know although the job runs."""
    warnings = [f"{p['node']} {p['message']}" for p in prepared["problems"] if p["severity"] == "warning"]
    return [brief(note) for note in [*prepared["notes"], *warnings][:NOTES]]
