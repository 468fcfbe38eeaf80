"""The page, and what else is static: our own, or the front end that the operator chose."""

from __future__ import annotations

import asyncio
import mimetypes
import re
from pathlib import Path

from aiohttp import web

from web.errors import problem
from web.paths import is_file, within
from web.state import STATE

routes = web.RouteTableDef()
STATIC = Path(__file__).parents[1] / "static"
_HASHED = re.compile(r"assets/.*[-.](?=[\w-]*[A-Z0-9])[\w-]{8}\.\w+")  # a name that changes with the content
_FOREVER = "public, max-age=31536000, immutable"

# What a machine's own table may lack or, on Windows, have wrong.
_TYPES = {
    ".css": "text/css", ".html": "text/html", ".ico": "image/x-icon", ".js": "text/javascript",
    ".json": "application/json", ".map": "application/json", ".mjs": "text/javascript", ".svg": "image/svg+xml",
    ".ttf": "font/ttf", ".wasm": "application/wasm", ".webmanifest": "application/manifest+json",
    ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
}  # fmt: skip


@routes.get("/{path:.*}")
async def static(request: web.Request) -> web.StreamResponse:
    """A file of the front end; `/` is its index.html."""
    root = request.app[STATE].config.front_end or STATIC
    name = request.match_info["path"] or "index.html"
    path = await asyncio.to_thread(_file, root, name)
    type = _TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if type.startswith("text/") else ""
    cache = _FOREVER if _HASHED.fullmatch(name) else "no-cache"
    return web.FileResponse(path, headers={"Content-Type": type + charset, "Cache-Control": cache})


def _file(root: Path, name: str) -> Path:
    """Raises problem 404, whatever the reason: a page's address is no path to complain of."""
    try:
        path = within(root, name)
        if is_file(path):
            return path
    except web.HTTPException:
        pass
    raise problem(404, "not_found", f"there is nothing at /{name[:200]}; /openapi.json lists all there is")
