"""Route tables on their own, in an application with a state that is as small as they need."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from executor.files import Files
from tests.web.served import Answer, Served, served
from web.config import Config, Limits
from web.state import STATE, State

NOTHING: Any = None


def make_state(base: Path, limits: Limits | None = None, **given: Any) -> State:
    """A state of a base directory. Parts that are not given are missing."""
    parts = {name: given.pop(name, NOTHING) for name in ("jobs", "worker", "hub", "nodes", "logs")}
    config = Config(base, limits=limits or Limits(), **given)
    files = Files(base, output=config.output, extra=config.extra)
    rest = {"feed": NOTHING, "dispatcher": NOTHING, "metrics": NOTHING}
    return State(config=config, files=files, **parts, **rest)


@contextmanager
def serving(state: State, *tables: Any) -> Iterator[Served]:
    """The tables' routes, as `make_app` adds them but without its middlewares."""
    app = web.Application(client_max_size=state.config.limits.body)
    app[STATE] = state
    for table in tables:
        for route in table.routes:
            app.router.add_route(route.method, route.path, route.handler)
    with served(app) as server:
        yield server


def query(path: str, /, **values: object) -> str:
    return f"{path}?{urlencode({name: str(value) for name, value in values.items()})}"


def form(file: bytes | None, name: str = "a.png", field: str = "image", **fields: str) -> dict[str, Any]:
    """What `ask` takes to send a form whose file comes first, as browsers order it."""
    parts: list[tuple[str, bytes]] = []
    if file is not None:
        parts.append((f'name="{field}"; filename="{name}"\r\nContent-Type: image/png', file))
    parts += [(f'name="{key}"', value.encode()) for key, value in fields.items()]
    edge = b"----edge"
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n"
        % (edge, head.encode("utf-8", "surrogateescape"), data)
        for head, data in parts
    )
    return {"body": body + b"--%b--\r\n" % edge, "Content_Type": f"multipart/form-data; boundary={edge.decode()}"}


def png_header(width: int, height: int) -> bytes:
    """The beginning of a picture of any size, which nobody could decode."""
    data = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", data), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks
    )


def put(path: Path, data: bytes | str | dict[str, Any] = b"") -> Path:
    """Write a file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data) if isinstance(data, dict) else data
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def everything(base: Path) -> set[str]:
    """All files below a folder."""
    return {path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file() or path.is_symlink()}


def refused(answer: Answer) -> tuple[int, str]:
    """The status and the type of an error, whose message must not be empty."""
    return answer.status, answer.error
