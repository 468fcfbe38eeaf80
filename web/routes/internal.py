"""What only the standard's own front end asks for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from web.body import read_json
from web.errors import problem
from web.paths import root_of
from web.reply import as_json
from web.routes.models import told
from web.state import STATE

if TYPE_CHECKING:
    from web.logs import Logs
    from web.stream.hub import Hub

routes = web.RouteTableDef()
TERMINAL = {"cols": 120, "rows": 40}  # there is none; the front end wants its size


@routes.get("/extensions")
async def extensions(request: web.Request) -> web.Response:
    """Scripts that node packs add to the editor: there are none."""
    return as_json([])


@routes.get("/i18n")
@routes.get("/global_subgraphs")
async def nothing(request: web.Request) -> web.Response:
    """What node packs add: texts by language, ready subgraphs."""
    return as_json({})


# --- logs ----------------------------------------------------------------------------------------


@routes.get("/internal/logs")
async def logs(request: web.Request) -> web.Response:
    """The newest lines as one text."""
    return as_json("".join(f"{entry['t']} - {entry['m']}\n" for entry in request.app[STATE].logs.recent()))


@routes.get("/internal/logs/raw")
async def raw_logs(request: web.Request) -> web.Response:
    """The newest lines with their times."""
    return as_json(_lines(*request.app[STATE].logs.recent()))


def _lines(*entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"entries": [{"t": e["t"], "m": f"{e['m']}\n"} for e in entries], "size": TERMINAL}


@dataclass(frozen=True)
class _Subscription:
    """Sends each line to one client, as long as it is connected. Equal to any other of that client."""

    hub: Hub
    logs: Logs
    client: str

    def __call__(self, entry: dict[str, Any]) -> None:
        if self.client in self.hub.sids():
            self.hub.send(self.client, "logs", _lines(entry))
        else:
            self.logs.listeners.discard(self)


@routes.patch("/internal/logs/subscribe")
async def subscribe(request: web.Request) -> web.Response:
    """Begin or end to send the lines of the log to a client: `{"clientId": ID, "enabled": true}`."""
    state = request.app[STATE]
    asked = await read_json(request, state)
    client = asked.get("clientId") if isinstance(asked, dict) else None
    if not isinstance(client, str):
        raise problem(400, "no_client", 'send {"clientId": ID, "enabled": true} with the id of a WebSocket')
    subscription = _Subscription(state.hub, state.logs, client)
    if asked.get("enabled") and client in state.hub.sids():
        state.logs.listeners.add(subscription)
    else:
        state.logs.listeners.discard(subscription)
    return web.Response()


# --- folders -------------------------------------------------------------------------------------


@routes.get("/internal/folder_paths")
async def folder_paths(request: web.Request) -> web.Response:
    """The folders that are searched for each kind of model."""
    files = request.app[STATE].files
    return as_json({kind: [told(files, place) for place in files.folders(kind)] for kind in files.kinds()})


@routes.get("/internal/files/{type}")
async def newest_files(request: web.Request) -> web.Response:
    """The names of the input, output or temp files, the newest first."""
    root = root_of(request.app[STATE].files, request.match_info["type"])
    return as_json(await asyncio.to_thread(_newest, root))


def _newest(root: Path) -> list[str]:
    if not root.is_dir():
        return []
    with os.scandir(root) as entries:
        found = [(-e.stat().st_mtime_ns, e.name) for e in entries if e.is_file() and not e.name.startswith(".")]
    return [name for _, name in sorted(found)]
