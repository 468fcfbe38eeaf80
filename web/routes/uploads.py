"""Taking in pictures, sounds, films and masks: streamed to the disk, checked by content, kept whole or not at all."""

from __future__ import annotations

import asyncio
import filecmp
import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from web import media, pictures
from web.config import MEGABYTE, Config
from web.errors import problem
from web.paths import clean, root_of, stored, within
from web.state import STATE, State
from web.writing import claim, discard, part_of, refusal, settle

routes = web.RouteTableDef()
FIELD = 1 << 16  # bytes of a form's text
FIELDS = 50


@dataclass
class _Form:
    """What was sent: the file lies in `part`; `left` bytes may still come."""

    part: Path
    left: int
    name: str | None = None
    fields: dict[str, str] = field(default_factory=dict)


@routes.post("/upload/image")
async def upload_image(request: web.Request) -> web.Response:
    """Keep a file; the answer says under which name."""
    return await _upload(request, lambda state, form: _keep(state, form, form.part))


@routes.post("/upload/mask")
async def upload_mask(request: web.Request) -> web.Response:
    """Keep a picture with the alpha of the one that is sent."""
    return await _upload(request, _keep_masked)


async def _upload(request: web.Request, keep: Callable[[State, _Form], dict[str, str]]) -> web.Response:
    state = request.app[STATE]
    folder = state.files.root("temp")
    form = _Form(part_of(folder), state.config.limits.body)
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        await _receive(request, form)
        async with state.decoders:
            return web.json_response(await asyncio.to_thread(keep, state, form))
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        raise refusal(error, form.name or "the upload") from None
    finally:
        await asyncio.to_thread(discard, form.part)


# --- receiving -----------------------------------------------------------------------------------


async def _receive(request: web.Request, form: _Form) -> None:
    """Write the file to the disk as it comes, and collect the texts. Raises problem 400 or 413."""
    if request.content_type != "multipart/form-data":
        raise problem(400, "no_form", "an upload is a form (multipart/form-data) with the file in its field image")
    try:
        reader = await request.multipart()
        for _ in range(FIELDS):
            part = await reader.next()
            if part is None:
                break
            if not isinstance(part, BodyPartReader):
                raise ValueError("a part has parts itself")
            await _take(part, form)
        else:
            raise ValueError(f"it has more than {FIELDS} fields")
    except (ValueError, AssertionError, RuntimeError, LookupError, EOFError, HttpProcessingError) as error:
        raise problem(400, "invalid_form", "the upload cannot be read as a form", str(error)[:200]) from None
    if form.name is None:
        raise problem(400, "no_image", "the form has no file in its field image")


async def _take(part: BodyPartReader, form: _Form) -> None:
    if part.name == "image" and part.filename and form.name is None:
        form.name = clean(part.filename)
        await _store(part, form)
        return
    wanted = part.name and part.filename is None  # of another file nothing is kept
    text = bytearray()
    async for chunk in _chunks(part, form):
        if wanted and len(text) <= FIELD:
            text += chunk
    if wanted:
        form.fields[part.name or ""] = _text(part.name or "", text)


def _text(name: str, data: bytearray) -> str:
    if len(data) > FIELD:
        raise problem(400, "invalid_form", f"the field {name[:64]} has more than {FIELD} bytes")
    return data.decode("utf-8")


async def _store(part: BodyPartReader, form: _Form) -> None:
    with await asyncio.to_thread(form.part.open, "xb") as file:
        waiting = bytearray()
        async for chunk in _chunks(part, form):
            waiting += chunk
            if len(waiting) >= MEGABYTE:
                await asyncio.to_thread(file.write, bytes(waiting))
                waiting.clear()
        await asyncio.to_thread(lambda: (file.write(waiting), file.flush(), settle(file.fileno())))


async def _chunks(part: BodyPartReader, form: _Form) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(1 << 18):
        form.left -= len(chunk)
        if form.left < 0:
            raise problem(
                413, "too_large", "the upload is larger than this server takes (max_upload_size of /features)"
            )
        yield chunk


# --- keeping -------------------------------------------------------------------------------------


def _keep(state: State, form: _Form, part: Path) -> dict[str, str]:
    """Give what was received its place. Raises problem 400, 403, 409, 413, 415 or OSError."""
    name = form.name or ""
    kind = form.fields.get("type") or "input"
    root = root_of(state.files, kind)
    folder = within(root, form.fields.get("subfolder", ""), leaving=400)
    _check(part, name, state.config)
    root.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    near = _near(part, folder)
    try:
        overwrite = form.fields.get("overwrite", "").lower() in ("true", "1")
        name = _placed(near, folder, name, overwrite=overwrite)
    finally:
        discard(near)
    subfolder = folder.resolve().relative_to(root.resolve()).as_posix()
    return {"name": name, "subfolder": "" if subfolder == "." else subfolder, "type": kind}


def _check(part: Path, name: str, config: Config) -> None:
    """By content, and by what would happen if someone opened the name."""
    if Path(name).suffix.lower() in media.RUNNABLE:
        raise problem(415, "forbidden_type", f"{name!r} has the name of a program or a page; rename it")
    with part.open("rb") as file:
        start = file.read(media.START)
    if not start or media.kind(start) is None:
        kinds = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, or a usual sound or film"
        raise problem(415, "unknown_type", f"{name!r} is {'empty' if not start else 'no ' + kinds}")
    if media.is_picture(start):
        pictures.check(part, name, config.limits.pixels)


def _near(part: Path, folder: Path) -> Path:
    """The file on the disk of the folder that it goes to, so that it can be given a name there at once."""
    if part.stat().st_dev == folder.stat().st_dev:
        return part
    near = part_of(folder)
    try:
        shutil.copyfile(part, near)
    except OSError:
        discard(near)
        raise
    return near


def _placed(part: Path, folder: Path, name: str, *, overwrite: bool) -> str:
    """The name that the file has now: of one with the same content, if there is one."""
    if overwrite:
        claim(part, folder / name, overwrite=True)
        return name
    for candidate in _names(name):
        path = folder / candidate
        if claim(part, path, overwrite=False):
            return candidate
        if path.is_file() and not path.is_symlink() and filecmp.cmp(part, path, shallow=False):
            return candidate
    raise AssertionError("the names do not end")


def _names(name: str) -> Iterator[str]:
    """`a.png`, `a (1).png`, `a (2).png`..."""
    yield name
    path, count = Path(name), 0
    while True:
        count += 1
        yield f"{path.stem} ({count}){path.suffix}"


# --- masks ---------------------------------------------------------------------------------------


def _keep_masked(state: State, form: _Form) -> dict[str, str]:
    reference = _reference(form.fields.get("original_ref", ""))
    asked = [reference.get(key, default) for key, default in (("filename", ""), ("subfolder", ""), ("type", "output"))]
    original = stored(state.files, *asked)
    merged = part_of(form.part.parent)
    try:
        name = form.name or ""
        with merged.open("xb") as file:
            file.write(pictures.masked(original, form.part, name, state.config.limits.pixels))
            file.flush()
            settle(file.fileno())
        return _keep(state, form, merged)
    finally:
        discard(merged)


def _reference(text: str) -> dict[str, Any]:
    """Which picture a mask is for. Raises problem 400."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not all(isinstance(v, str) for k, v in value.items() if k in _REFERENCE):
        hint = 'put {"filename": NAME, "subfolder": "", "type": "input"} of the picture into the field original_ref'
        raise problem(400, "no_original", "the form does not say which picture the mask is for", hint)
    return value


_REFERENCE = ("filename", "subfolder", "type")
