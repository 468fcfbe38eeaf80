"""Ready workflows to begin with: those of the folder `workflows/`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from web.errors import problem
from web.reply import as_json

routes = web.RouteTableDef()
WORKFLOWS = Path(__file__).parents[2] / "workflows"
PACK = "mezzotint"
_TYPES = {".json": "application/json", ".webp": "image/webp"}


@routes.get("/workflow_templates")
async def templates(request: web.Request) -> web.Response:
    """The names of the ready workflows, by who made them."""
    return as_json({PACK: await asyncio.to_thread(_names)})


@routes.get("/workflow_templates/{pack}/{file}")
async def template(request: web.Request) -> web.StreamResponse:
    """A ready workflow as NAME.json, or what it makes as NAME.webp."""
    name, _, ending = request.match_info["file"].rpartition(".")
    type = _TYPES.get(f".{ending}")
    path = WORKFLOWS / f"{name}.{ending}"
    if request.match_info["pack"] != PACK or not type or name not in _names() or not path.is_file():
        raise problem(404, "not_found", "there is no such template; GET /workflow_templates lists all")
    return web.FileResponse(path, headers={"Content-Type": type, "Cache-Control": "no-cache"})


def _names() -> list[str]:
    return sorted(path.stem for path in WORKFLOWS.glob("*.json"))
