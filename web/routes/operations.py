"""Health and metrics, for what watches over the server."""

from __future__ import annotations

from aiohttp import web

from executor.jobs import Jobs, JobsError
from web.metrics import TYPE
from web.state import STATE

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    """The process is up."""
    return web.json_response({"status": "ok"})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """The server can take jobs and run them; else 503 and why not. Needs no token, so it names no path."""
    state = request.app[STATE]
    reasons = [] if state.worker.ready else ["the worker process is not ready yet"]
    reasons += [] if _writable(state.jobs) else ["the database cannot be written; the log says why"]
    if not reasons:
        return web.json_response({"status": "ready"})
    return web.json_response({"status": "not ready", "reasons": reasons}, status=503)


def _writable(jobs: Jobs) -> bool:
    try:
        jobs.paused = jobs.paused  # a full disk or a lost mount shows only where something is written
    except JobsError:
        return False
    return True


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """The numbers of this server, in Prometheus's text format."""
    state = request.app[STATE]
    return web.Response(text=state.metrics.render(state), headers={"Content-Type": TYPE})
