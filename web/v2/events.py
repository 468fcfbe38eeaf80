"""The event stream of the Comfy API v2: the state of a job, live; who comes back is told the newest, nothing older."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from executor.jobs import Job
from executor.jobs.records import FINISHED
from web.routes import jobs as jobs_api
from web.routes.events import HEADERS, frame, next_event
from web.standard import files
from web.state import STATE, State
from web.stream.feed import MISSED
from web.v2 import view as v2_view
from web.v2.api import base_of, in_its_words

routes = web.RouteTableDef()
PAUSE = 0.5  # seconds between two snapshots of the progress
_MOVES = ("progress", "node", "cached", "output", MISSED)  # after these the progress may be another


@routes.get("/v2/jobs/{id}/events")
@in_its_words
async def events(request: web.Request) -> web.StreamResponse:
    """`status`, `progress`, `preview` and `output`, until a terminal status."""
    state = request.app[STATE]
    job = jobs_api.found(request)
    response = web.StreamResponse(headers=HEADERS)
    async with state.feed.subscribe(job.id) as live:
        await response.prepare(request)
        stream = _Stream(response, state, job.id, base_of(request))
        try:
            over = await stream.status()
            await stream.progress()
            while not over:
                _, type, data = await next_event(response, live)
                over = await stream.tell(type, data)
        except ConnectionError:  # the reader has gone, or the server stops
            pass
    return response


class _Stream:
    """What one reader is told."""

    def __init__(self, response: web.StreamResponse, state: State, id: str, base: str):
        self._response, self._state, self._id, self._base = response, state, id, base
        self._due = 0.0

    async def tell(self, type: str, data: dict[str, Any]) -> bool:
        """Tell of one of our events; whether the job is over."""
        if type == "output":
            for file in files({data["node"]: data["output"]}):
                shown = await asyncio.to_thread(v2_view.output, file, self._id, self._state.files, self._base)
                await self._send("output", shown)
        if type == "preview":
            shown = {"node_id": data["node"], "content_type": data["image_type"], "data_base64": data["image"]}
            await self._send("preview", shown)
        if type in _MOVES and asyncio.get_running_loop().time() >= self._due:
            await self.progress()
        return await self.status() if type in ("status", "end", MISSED) else False

    async def status(self) -> bool:
        """Tell the status; whether it is the last one."""
        job: Job | None = self._state.jobs.get(self._id)
        gone = {"status": "canceled", "queue_position": None}
        await self._send("status", gone if job is None else v2_view.status(job, self._state))
        return job is None or job.state in FINISHED

    async def progress(self) -> None:
        live = self._state.dispatcher.live
        if live is not None and live.job.id == self._id:
            self._due = asyncio.get_running_loop().time() + PAUSE
            await self._send("progress", v2_view.progress(live))

    async def _send(self, type: str, data: dict[str, Any]) -> None:
        await self._response.write(frame(None, type, data).encode())
