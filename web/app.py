"""The application: its parts, its routes, and in which order it starts and stops."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from aiohttp import web

from executor.files import Files
from executor.jobs import Jobs
from executor.worker.supervisor import Worker
from web import security, webhooks
from web.config import Config
from web.dispatch import Dispatcher
from web.logs import Logs
from web.metrics import Metrics
from web.node_info import NodeInfo
from web.openapi import document as openapi
from web.routes import (
    convert,
    events,
    history,
    info,
    internal,
    jobs,
    models,
    operations,
    pages,
    prompt,
    queue,
    sockets,
    templates,
    uploads,
    userdata,
    view,
)
from web.state import STATE, State
from web.stream.feed import Feed
from web.stream.hub import Hub
from web.v2 import api as v2_api
from web.v2 import events as v2_events

TABLES = (
    prompt,
    queue,
    history,
    convert,
    sockets,
    jobs,
    events,
    v2_api,
    v2_events,
    view,
    uploads,
    models,
    userdata,
    info,
    templates,
    operations,
    openapi,
    internal,
    pages,  # last: it takes every path that is left
)
STREAMS = (sockets, events, v2_events)  # of which there is no head alone


def make_app(config: Config, logs: Logs, worker: Worker | None = None) -> web.Application:
    """The server of one base directory. Raises JobsLocked if another one serves it.

    worker: what runs the graphs, by default a process of its own.
    """
    app = web.Application(middlewares=security.middlewares(config), client_max_size=config.limits.body)
    app.on_response_prepare.append(security.headers(config))
    files = Files(config.base, output=config.output, extra=config.extra)
    worker = worker or Worker(worker_command(config), env=worker_environment(config), on_log=logs.worker)
    jobs = Jobs.open(config.base / "mezzotint.db", keep=config.keep)
    metrics, hub, feed = Metrics(), Hub(), Feed()
    nodes = NodeInfo(files, worker)
    dispatcher = Dispatcher(config, files, jobs, worker, hub, feed, metrics)
    app[STATE] = State(config, files, jobs, worker, hub, feed, dispatcher, nodes, metrics, logs)
    for table in TABLES:
        for route in table.routes:
            assert isinstance(route, web.RouteDef)
            for path in (route.path,) if table is pages else (route.path, f"/api{route.path}"):
                app.router.add_route(route.method, path, route.handler)
                if route.method == "GET" and table not in STREAMS:
                    app.router.add_route("HEAD", path, route.handler)
    app.cleanup_ctx.append(_running)
    app.cleanup_ctx.append(webhooks.running)
    app.on_shutdown.append(_hang_up)
    return app


async def _running(app: web.Application) -> AsyncIterator[None]:
    state = app[STATE]
    await state.worker.start()
    state.dispatcher.start()
    yield
    await state.dispatcher.stop()
    await state.worker.stop()
    await state.hub.close()
    state.jobs.close()


async def _hang_up(app: web.Application) -> None:
    """Let the running job end while its clients hear of it; then end the streams, which would hold up the stop."""
    state = app[STATE]
    await state.dispatcher.stop()
    state.feed.close()
    await state.hub.close()


def worker_command(config: Config) -> list[str]:
    """The command line of the worker process."""
    command = [sys.executable, "-m", "executor.worker", "--nodes", "nodes", "--base", str(config.base)]
    if config.output:
        command += ["--output", str(config.output)]
    for folder, places in config.extra.items():
        for place in places:
            command += ["--extra", f"{folder}={place}"]
    return command


def worker_environment(config: Config) -> dict[str, str]:
    return {"MEZZOTINT_PRECISION": config.precision, "MEZZOTINT_DEVICE": config.device}
