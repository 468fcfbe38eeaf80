"""The other form of a workflow: the editor's for a graph, the graph for an editor's workflow or a picture."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from web import submission
from web.ask import ask
from web.errors import problem
from web.paths import stored, within
from web.reply import as_json
from web.state import STATE, State

routes = web.RouteTableDef()
FORMS = ("api", "workflow")


@routes.post("/convert")
async def convert(request: web.Request) -> web.Response:
    """What is sent, in the form `to`, by default the one that it is not: `{form, result, notes}`."""
    state = request.app[STATE]
    to = _to(request)
    asked = await submission.read(request, state)
    return as_json(await _converted(state, asked.payload, asked.document, asked.name, to))


@routes.get("/convert")
async def convert_stored(request: web.Request) -> web.Response:
    """The same of a file of this server, named as for GET /view, or of a user's workflow (`type=userdata`)."""
    state = request.app[STATE]
    to = _to(request)
    path = _stored(request, state)
    data = await asyncio.to_thread(_read, path, state.config.limits.body)
    return as_json(await _converted(state, data, None, path.name, to))


def _to(request: web.Request) -> str | None:
    to = request.query.get("to")
    if to is not None and to not in FORMS:
        raise problem(400, "invalid_request", f"to must be {' or '.join(FORMS)}")
    return to


async def _converted(state: State, payload: bytes, document: Any, name: str, to: str | None) -> Any:
    return await ask(state, "convert", payload=payload, document=document, name=name, to=to)


def _stored(request: web.Request, state: State) -> Path:
    """The file that the query names. Raises problem 400, 403 or 404."""
    query = request.query
    filename, subfolder, kind = query.get("filename", ""), query.get("subfolder", ""), query.get("type", "output")
    if kind != "userdata":
        return stored(state.files, filename, subfolder, kind)
    name = f"{subfolder}/{filename}" if subfolder else filename
    path = within(state.config.base / "user" / "default", name)
    if not path.is_file():
        raise problem(404, "file_not_found", f"{name!r} is not in userdata/")
    return path


def _read(path: Path, most: int) -> bytes:
    if path.stat().st_size > most:
        raise problem(400, "too_large", f"{path.name} is larger than {most >> 20} MB")
    return path.read_bytes()
