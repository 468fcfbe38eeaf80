"""Looking at files: pictures as they are, as previews, or one channel of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from web import media, pictures
from web.errors import problem
from web.paths import stored
from web.state import STATE, State

routes = web.RouteTableDef()
QUALITY = 90
PREVIEWS = {"webp": "WEBP", "jpeg": "JPEG"}
CHANNELS = ("rgba", "rgb", "a")


@dataclass(frozen=True)
class _Conversion:
    """How a picture is written anew."""

    channel: str
    format: str
    quality: int


@routes.get("/view")
async def view(request: web.Request) -> web.StreamResponse:
    """An input, output or temp file; as a preview, or only a channel of it, if that is asked for."""
    state, query = request.app[STATE], request.query
    wanted = _conversion(query)
    asked = query.get("filename", ""), query.get("subfolder", ""), query.get("type", "output")
    path = await asyncio.to_thread(stored, state.files, *asked)
    if wanted is None:
        return web.FileResponse(path, headers=headers(path.name, media.type_of(path.name)))
    return await _convert(request, state, path, wanted)


def headers(name: str, type: str) -> dict[str, str]:
    """What is said of every file that is sent."""
    plain = name.encode("ascii", "replace").decode().replace('"', "_").replace("\\", "_").replace("?", "_")
    disposition = f'filename="{plain}"' + ("" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}")
    return {
        "Content-Type": type,
        "Content-Disposition": f"attachment; {disposition}" if type == media.BYTES else disposition,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",  # names are used again: ask whether the file is still the same
    }


def _conversion(query: Mapping[str, str]) -> _Conversion | None:
    """None if the file is wanted as it is."""
    channel, preview = query.get("channel", "rgba"), query.get("preview", "")
    if channel not in CHANNELS:
        raise problem(400, "invalid_channel", f"channel is {channel[:64]!r}; take one of {', '.join(CHANNELS)}")
    if preview:
        format, _, quality = preview.partition(";")
        return _Conversion(channel, PREVIEWS.get(format, "WEBP"), _quality(quality))
    return None if channel == "rgba" else _Conversion(channel, "PNG", QUALITY)


def _quality(text: str) -> int:
    return max(1, min(int(text[:4]), 100)) if text.isascii() and text.isdigit() else QUALITY


async def _convert(request: web.Request, state: State, path: Path, wanted: _Conversion) -> web.Response:
    try:
        stat = await asyncio.to_thread(os.stat, path)
        response = web.Response(headers=headers(path.name, f"image/{wanted.format.lower()}"))
        tag = f"{stat.st_mtime_ns:x}-{stat.st_size:x}-{wanted}"
        response.etag = hashlib.sha256(tag.encode()).hexdigest()[:24]
        response.last_modified = datetime.fromtimestamp(int(stat.st_mtime), timezone.utc)
        if _known(request, response):
            response.set_status(304)
            return response
        async with state.decoders:
            response.body = await asyncio.to_thread(
                pictures.converted,
                path,
                path.name,
                state.config.limits.pixels,
                wanted.channel,
                wanted.format,
                wanted.quality,
            )
    except FileNotFoundError:
        raise problem(404, "file_not_found", f"{path.name!r} was deleted meanwhile") from None
    return response


def _known(request: web.Request, response: web.Response) -> bool:
    """Whether the client has this answer already."""
    tags = request.if_none_match
    if tags is not None:
        return any(tag.value in ("*", response.etag.value) for tag in tags if response.etag)
    since = request.if_modified_since
    return since is not None and response.last_modified is not None and response.last_modified <= since
