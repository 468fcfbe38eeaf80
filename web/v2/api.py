"""The public Comfy API v2, as far as jobs and their files go: https://docs.comfy.org/api-reference/v2."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from executor.jobs import Job
from web import media, submission
from web.body import read_json
from web.paths import stored
from web.reply import as_json
from web.routes import jobs as jobs_api
from web.routes import prompt
from web.routes.view import headers
from web.state import STATE, State
from web.submission import Submission
from web.v2 import view as v2_view

routes = web.RouteTableDef()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CODES = {  # of our errors, where the API has a word: status and code
    "no_prompt": (422, "invalid_workflow"),
    "invalid_prompt": (422, "invalid_workflow"),
    "prompt_no_outputs": (422, "invalid_workflow"),
    "prompt_outputs_failed_validation": (422, "invalid_workflow"),
    "too_many_nodes": (422, "invalid_workflow"),
    "file_not_found": (404, "not_found"),
    "worker_not_ready": (503, "upstream_error"),
    "internal_error": (500, "upstream_error"),
}


def refusal(status: int, code: str, message: str, details: Any = None) -> web.Response:
    return as_json({"error": {"code": code, "message": message, "details": details}}, status)


def in_its_words(handler: Handler) -> Handler:
    """Errors in the API's envelope."""

    @functools.wraps(handler)
    async def translated(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPError as error:
            if error.content_type != "application/json":
                raise
            return _translated(error.status, json.loads(error.text or "{}"))

    return translated


def _translated(status: int, body: dict[str, Any]) -> web.Response:
    error = body["error"]
    status, code = CODES.get(error["type"], (status, error["type"]))
    message = ": ".join(filter(None, (error["message"], error["details"])))
    nodes = {id: [_reason(e) for e in at["errors"]] for id, at in body["node_errors"].items()}
    return refusal(status, code, message, {"node_errors": nodes} if nodes else None)


def _reason(error: dict[str, Any]) -> dict[str, Any]:
    return {"field": error["extra_info"].get("input_name"), "reason": error["type"], "message": error["details"]}


def base_of(request: web.Request) -> str:
    """Below which URL the client found us."""
    return f"{request.url.origin()}{'/api' if request.path.startswith('/api/') else ''}"


@routes.post("/v2/jobs")
@in_its_words
async def submit(request: web.Request) -> web.Response:
    """Queue a job. An Idempotency-Key can be used once, as this API has it."""
    state = request.app[STATE]
    body = await read_json(request, state)
    workflow = body.get("workflow") if isinstance(body, dict) else None
    if not isinstance(workflow, dict):
        return refusal(422, "invalid_workflow", "workflow must be an object: the graph in API format")
    try:
        document = _with_files(workflow)
    except LookupError as error:
        return refusal(422, "missing_asset", str(error))
    hook = submission.webhook({"webhook": body.get("webhook_url")}, state.config)
    asked = Submission(document, key=submission.key(request), webhook=hook, sweep=submission.sweep(body))
    prepared = await prompt.prepare(state, asked)
    job, new = prompt.add(state, asked, prepared, str(request.url.origin()))
    if not new:
        return refusal(422, "idempotency_key_reuse", f"this Idempotency-Key was used for the job {job.id}")
    return as_json(v2_view.job(job, state, base_of(request)), 201)


def _with_files(value: Any) -> Any:
    """The workflow with file names where it refers to assets. Raises LookupError."""
    if isinstance(value, list):
        return [_with_files(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("__type") != "core/ASSET":
        return {name: _with_files(item) for name, item in value.items()}
    info = value.get("info")
    id = info.get("id") if isinstance(info, dict) else None
    file = v2_view.asset_file(id) if isinstance(id, str) else None
    if file is None:
        raise LookupError("a core/ASSET of the workflow has no id of a file of this server")
    return f"{file['subfolder']}/{file['filename']} [{file['type']}]".lstrip("/")


@routes.get("/v2/jobs/{id}")
@in_its_words
async def job(request: web.Request) -> web.Response:
    """How a job is, with every output so far."""
    return _job(request)


def _job(request: web.Request) -> web.Response:
    return as_json(v2_view.job(jobs_api.found(request), request.app[STATE], base_of(request)))


@routes.post("/v2/jobs/{id}/cancel")
@in_its_words
async def cancel(request: web.Request) -> web.Response:
    """End a job; one that is over stays as it is."""
    await jobs_api.end(request.app[STATE], jobs_api.found(request))
    return _job(request)


@routes.get("/v2/jobs/{id}/workflow")
@in_its_words
async def workflow(request: web.Request) -> web.Response:
    """What a job ran: the workflow as its author saved it where that was sent along, else the graph."""
    job: Job = jobs_api.found(request)
    info = job.extra.get("extra_pnginfo")
    saved = info.get("workflow") if isinstance(info, dict) else None
    if isinstance(saved, dict):
        return as_json({"format": "save", "workflow": saved})
    return as_json({"format": "api", "workflow": job.graph})


# --- files --------------------------------------------------------------------------------------


@routes.get("/v2/assets/{id}")
@in_its_words
async def asset(request: web.Request) -> web.Response:
    """What is known of a file that a job made."""
    state, file = request.app[STATE], _asset(request)
    if file is None:
        return _no_asset()
    path = await asyncio.to_thread(_path, state, file)
    stat = await asyncio.to_thread(path.stat)
    id = v2_view.asset_id(file)
    return as_json(
        {
            "id": id,
            "hash": None,
            "size_bytes": stat.st_size,
            "content_type": media.type_of(path.name),
            "file_path": f"{file['subfolder']}/{file['filename']}".lstrip("/"),
            "created_at": v2_view.time(stat.st_mtime),
            "url": f"{base_of(request)}/v2/assets/{id}/content",
            "url_expires_at": v2_view.NEVER,
            "expires_at": None,
        }
    )


@routes.get("/v2/assets/{id}/content")
@in_its_words
async def content(request: web.Request) -> web.StreamResponse:
    """The bytes of a file that a job made."""
    file = _asset(request)
    if file is None:
        return _no_asset()
    path = await asyncio.to_thread(_path, request.app[STATE], file)
    return web.FileResponse(path, headers=headers(path.name, media.type_of(path.name)))


def _asset(request: web.Request) -> dict[str, str] | None:
    return v2_view.asset_file(request.match_info["id"])


def _no_asset() -> web.Response:
    return refusal(404, "not_found", "there is no such asset")


def _path(state: State, file: dict[str, str]) -> Path:
    return stored(state.files, file["filename"], file["subfolder"], file["type"])
