"""Answers in JSON, of any length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from web.standard import text

CHUNK = 1 << 16  # characters


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(value, status=status, headers=headers, dumps=text)


async def stream(request: web.Request, parts: Iterable[str]) -> web.StreamResponse:
    """Send a long JSON text in parts, so that no other request waits until all of it is made."""
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    await response.prepare(request)
    waiting: list[str] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= CHUNK:
            await response.write("".join(waiting).encode())
            waiting, size = [], 0
    await response.write("".join(waiting).encode())
    await response.write_eof()
    return response


def commas(parts: Iterable[str]) -> Iterable[str]:
    """The parts with a comma between each two."""
    first = True
    for part in parts:
        yield part if first else f",{part}"
        first = False
