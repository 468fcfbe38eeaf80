"""The listings of model files, what the files say of themselves, and their pictures."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from aiohttp import web

from executor.files import FileProblem, Files, names_in
from web import pictures
from web.errors import problem
from web.reply import as_json
from web.routes.view import QUALITY, headers
from web.state import STATE, State

routes = web.RouteTableDef()
HEADER = 100_000_000  # bytes; the format's own limit
HIDDEN = ("configs",)  # no models
SIDECARS = (".preview.png", ".preview.jpg", ".preview.jpeg", ".preview.webp", ".png", ".jpg", ".jpeg", ".webp")
_DATA = re.compile(r"data:image/[a-z+.-]+;base64,", re.IGNORECASE)


@routes.get("/embeddings")
async def embeddings(request: web.Request) -> web.Response:
    """The names that a prompt can use after `embedding:`."""
    names = await _names(request.app[STATE].files, "embeddings")
    return as_json([os.path.splitext(name)[0] for name in names])


@routes.get("/models")
async def folders(request: web.Request) -> web.Response:
    """The kinds of models."""
    return as_json(request.app[STATE].files.kinds())


@routes.get("/models/{folder}")
async def models(request: web.Request) -> web.Response:
    """The files of a kind."""
    return as_json(await _names(request.app[STATE].files, request.match_info["folder"]))


async def _names(files: Files, folder: str) -> list[str]:
    return await _found(files.names, folder)


async def _found(look: Any, *arguments: Any) -> Any:
    """The result of a look at the disk. Raises problem 404 if there is no such folder of models."""
    try:
        return await asyncio.to_thread(look, *arguments)
    except FileProblem as error:
        raise problem(404, "unknown_folder", str(error)) from None


# --- for the standard's model library ------------------------------------------------------------


@routes.get("/experiment/models")
async def library(request: web.Request) -> web.Response:
    """The kinds of models, each with the folders that are searched."""
    files = request.app[STATE].files
    shown = [kind for kind in files.kinds() if kind not in HIDDEN]
    return as_json([{"name": kind, "folders": [told(files, p) for p in files.folders(kind)]} for kind in shown])


def told(files: Files, place: Path) -> str:
    """A folder as a client may know it: below the base directory, else only its name."""
    for root in (files.base, files.root("output").parent):
        if place.is_relative_to(root):
            return place.relative_to(root).as_posix()
    return place.name


@routes.get("/experiment/models/{folder}")
async def library_folder(request: web.Request) -> web.Response:
    """The files of a kind with size and times (seconds since 1970), and which of the folders each is in."""
    files, folder = request.app[STATE].files, request.match_info["folder"]
    return as_json(await _found(_listed, files, folder))


def _listed(files: Files, folder: str) -> list[dict[str, Any]]:
    found = [
        (name, index, place) for index, place in enumerate(files.folders(folder)) for name in names_in(place, folder)
    ]
    entries = (_entry(name, index, f"{place}/{name}") for name, index, place in sorted(found))
    return [entry for entry in entries if entry]


def _entry(name: str, index: int, path: str) -> dict[str, Any] | None:
    try:
        stat = os.stat(path)
    except OSError:  # deleted meanwhile, or a link to nothing
        return None
    times = {"modified": stat.st_mtime, "created": stat.st_ctime}
    return {"name": name, "pathIndex": index, **times, "size": stat.st_size}


@routes.get("/experiment/models/preview/{folder}/{index}/{name:.+}")
async def preview(request: web.Request) -> web.Response:
    """The picture of a model as WebP: a file beside it, or one within it. 404 if it has none."""
    state, wanted = request.app[STATE], request.match_info
    source = await _found(_picture, state.files, wanted["folder"], wanted["index"], wanted["name"])
    if source is None:
        raise problem(404, "no_preview", f"{wanted['name']!r} has no picture")
    return await _shown(state, source, wanted["name"])


async def _shown(state: State, source: Path | BinaryIO, name: str) -> web.Response:
    async with state.decoders:
        most = state.config.limits.pixels
        data = await asyncio.to_thread(pictures.converted, source, name, most, "rgba", "WEBP", QUALITY)
    return web.Response(body=data, headers=headers(f"{Path(name).stem}.webp", "image/webp"))


def _picture(files: Files, folder: str, index: str, name: str) -> Path | BinaryIO | None:
    places = files.folders(folder)
    if index not in map(str, range(len(places))):
        raise problem(404, "unknown_folder", f"{folder} has no folder {index[:20]!r}; it has {len(places)}, from 0")
    place = places[int(index)]
    if name not in names_in(place, folder):
        raise problem(404, "unknown_model", f"{name!r} is not in that folder of {folder}")
    stem = place / os.path.splitext(name)[0]
    beside = (stem.with_name(stem.name + ending) for ending in SIDECARS)
    return next((path for path in beside if path.is_file()), None) or _embedded(place / name)


def _embedded(path: Path) -> BinaryIO | None:
    """The picture that a safetensors file carries."""
    text = (metadata(path) or {}).get("modelspec.thumbnail", "")
    start = _DATA.match(text) if isinstance(text, str) else None
    if start is None:
        return None
    try:
        return io.BytesIO(base64.b64decode(text[start.end() :]))
    except ValueError:
        return None


# --- what a file says of itself ------------------------------------------------------------------


@routes.get("/view_metadata/{folder}")
async def view_metadata(request: web.Request) -> web.Response:
    """What is written in the header of a safetensors file beside its tensors."""
    folder, name = request.match_info["folder"], request.query.get("filename", "")
    path = await _found(request.app[STATE].files.model, folder, name)
    found = await asyncio.to_thread(metadata, path)
    if found is None:
        raise problem(404, "no_metadata", f"{name!r} says nothing of itself")
    return as_json(found)


def metadata(path: Path) -> Mapping[str, Any] | None:
    """The `__metadata__` of a safetensors file; None if it has none or is something else."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(HEADER, path.stat().st_size):
                return None
            header = json.loads(file.read(length))
    except (OSError, ValueError, RecursionError, struct.error):
        return None
    found = header.get("__metadata__") if isinstance(header, dict) else None
    return found if isinstance(found, dict) else None
