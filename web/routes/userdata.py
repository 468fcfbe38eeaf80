"""Files that a user keeps here: workflows and settings, below user/default/."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from web import media
from web.body import read_json
from web.config import Config
from web.errors import problem
from web.paths import is_file, within
from web.reply import as_json
from web.routes.view import headers
from web.state import STATE, State
from web.writing import claim, refusal, write

routes = web.RouteTableDef()
SETTINGS = "comfy.settings.json"
_settings = threading.Lock()  # held from reading to writing, so that no two changes undo each other


def _root(state: State) -> Path:
    return state.config.base / "user" / "default"


def _flag(request: web.Request, name: str, default: bool = False) -> bool:
    return request.query.get(name, str(default)).lower() not in ("false", "0", "")


@routes.get("/users")
async def users(request: web.Request) -> web.Response:
    """There is one user, whose data is here."""
    return as_json({"storage": "server", "migrated": True})


@routes.post("/users")
async def add_user(request: web.Request) -> web.Response:
    raise problem(400, "single_user", "this server has one user; start another with its own --base-directory")


# --- listings ------------------------------------------------------------------------------------


@routes.get("/userdata")
async def listing(request: web.Request) -> web.Response:
    """The files of a folder: paths relative to it, or with split their parts, or with full_info size and times."""
    if "dir" not in request.query:
        raise problem(400, "no_folder", "dir is missing; name the folder to list")
    folder = await asyncio.to_thread(_folder, _root(request.app[STATE]), request.query["dir"])
    paths = await asyncio.to_thread(lambda: sorted(_files(folder, "", _flag(request, "recurse"))))
    if _flag(request, "full_info"):
        return as_json(await asyncio.to_thread(lambda: [_info(folder, path) for path in paths]))
    return as_json([[path, *path.split("/")] for path in paths] if _flag(request, "split") else paths)


@routes.get("/v2/userdata")
async def listing_v2(request: web.Request) -> web.Response:
    """The files and folders of a folder, with paths relative to the user's root."""
    root = _root(request.app[STATE])
    return as_json(await asyncio.to_thread(_items, root, request.query.get("path", "")))


def _folder(root: Path, name: str) -> Path:
    folder = within(root, name.rstrip("/"))
    if not folder.is_dir():
        raise problem(404, "folder_not_found", f"there is no folder {name!r} in the user's data")
    return folder


def _files(folder: Path, prefix: str, deep: bool) -> Iterator[str]:
    """Links and hidden files are left out."""
    for entry in _visible(folder):
        if entry.is_file(follow_symlinks=False):
            yield prefix + entry.name
        elif deep and entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), f"{prefix}{entry.name}/", deep)


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".") and not entry.is_symlink()]


def _items(root: Path, name: str) -> list[dict[str, Any]]:
    folder = _folder(root, name) if name.strip("/") or root.is_dir() else None
    items: list[dict[str, Any]] = []
    for entry in sorted(_visible(folder) if folder else [], key=lambda entry: entry.name):
        path = Path(os.path.relpath(entry.path, root)).as_posix()
        kind = "directory" if entry.is_dir() else "file"
        items.append({"name": entry.name, "type": kind} | (_info(root, path) if kind == "file" else {"path": path}))
    return items


def _info(root: Path, path: str) -> dict[str, Any]:
    """Size in bytes, times in seconds since 1970."""
    stat = (root / path).stat()
    return {"path": path, "size": stat.st_size, "modified": stat.st_mtime, "created": stat.st_ctime}


# --- files ---------------------------------------------------------------------------------------


@routes.get("/userdata/{file}")
async def read(request: web.Request) -> web.StreamResponse:
    path = await asyncio.to_thread(_existing, _root(request.app[STATE]), request.match_info["file"])
    return web.FileResponse(path, headers=headers(path.name, media.type_of(path.name)))


@routes.post("/userdata/{file}")
async def save(request: web.Request) -> web.Response:
    """Keep a file, with its folders. 409 if it exists and overwrite=false; the answer is its path."""
    state = request.app[STATE]
    path = _place(_root(state), request.match_info["file"])
    data = await _body(request, state.config)
    if not await asyncio.to_thread(write, path, data, overwrite=_flag(request, "overwrite", True)):
        raise _taken(request.match_info["file"])
    return await _told(request, path)


async def _body(request: web.Request, config: Config) -> bytes:
    data = await request.read() if (request.content_length or 0) <= config.limits.text else None
    if data is None or len(data) > config.limits.text:
        raise problem(413, "too_large", f"a user's file may have {config.limits.text:,} bytes at most")
    return data


@routes.delete("/userdata/{file}")
async def delete(request: web.Request) -> web.Response:
    path = await asyncio.to_thread(_existing, _root(request.app[STATE]), request.match_info["file"])
    await asyncio.to_thread(path.unlink, missing_ok=True)
    return web.Response(status=204)


@routes.post("/userdata/{file}/move/{dest}")
async def move(request: web.Request) -> web.Response:
    """Give a file another path. 409 if that exists and overwrite=false; the answer is the new path."""
    root = _root(request.app[STATE])
    source = await asyncio.to_thread(_existing, root, request.match_info["file"])
    target = _place(root, request.match_info["dest"])
    if not await asyncio.to_thread(_moved, source, target, _flag(request, "overwrite", True)):
        raise _taken(request.match_info["dest"])
    return await _told(request, target)


def _moved(source: Path, target: Path, overwrite: bool) -> bool:
    if source == target:
        return True
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return claim(source, target, overwrite=overwrite)
    except FileNotFoundError:
        raise problem(404, "file_not_found", f"{source.name!r} was deleted meanwhile") from None
    except OSError as error:
        raise refusal(error, target.name) from None


def _place(root: Path, name: str) -> Path:
    """Where a file lies or is to lie."""
    path = within(root, name)
    if path.resolve() == root.resolve() or name.endswith("/"):
        raise problem(400, "invalid_path", f"{name!r} is a folder; name a file")
    return path


def _existing(root: Path, name: str) -> Path:
    path = _place(root, name)
    if not is_file(path):
        raise problem(404, "file_not_found", f"there is no file {name!r} in the user's data")
    return path


def _taken(name: str) -> web.HTTPException:
    return problem(409, "file_exists", f"there is a file {name!r} already; send overwrite=true to replace it")


async def _told(request: web.Request, path: Path) -> web.Response:
    root = _root(request.app[STATE])
    name = Path(os.path.relpath(path, root)).as_posix()
    return as_json(await asyncio.to_thread(_info, root, name) if _flag(request, "full_info") else name)


# --- settings ------------------------------------------------------------------------------------


@routes.get("/settings")
async def settings(request: web.Request) -> web.Response:
    return as_json(await asyncio.to_thread(_read_settings, _root(request.app[STATE])))


@routes.get("/settings/{id}")
async def setting(request: web.Request) -> web.Response:
    """The value of one setting; null if it was never set."""
    found = await asyncio.to_thread(_read_settings, _root(request.app[STATE]))
    return as_json(found.get(request.match_info["id"]))


@routes.post("/settings")
async def change_settings(request: web.Request) -> web.Response:
    """Set each of those that are sent; others stay."""
    state = request.app[STATE]
    changes = await read_json(request, state)
    if not isinstance(changes, dict):
        raise problem(400, "invalid_settings", "settings are an object of names and values")
    await asyncio.to_thread(_change, state, changes)
    return web.Response()


@routes.post("/settings/{id}")
async def change_setting(request: web.Request) -> web.Response:
    state = request.app[STATE]
    value = await read_json(request, state)
    await asyncio.to_thread(_change, state, {request.match_info["id"]: value})
    return web.Response()


def _change(state: State, changes: Mapping[str, Any]) -> None:
    with _settings:
        data = json.dumps({**_read_settings(_root(state)), **changes}, indent=2).encode()
        if len(data) > state.config.limits.text:
            raise problem(413, "too_large", f"the settings may have {state.config.limits.text:,} bytes at most")
        write(_root(state) / SETTINGS, data)


def _read_settings(root: Path) -> dict[str, Any]:
    try:
        found = json.loads((root / SETTINGS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise problem(500, "broken_settings", f"user/default/{SETTINGS} is no JSON object; mend or delete it")
    return found
