"""What the handlers of one application share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from executor.files import Files

if TYPE_CHECKING:
    from executor.jobs import Jobs
    from executor.worker.supervisor import Worker
    from web.config import Config
    from web.dispatch import Dispatcher
    from web.logs import Logs
    from web.metrics import Metrics
    from web.node_info import NodeInfo
    from web.stream.feed import Feed
    from web.stream.hub import Hub


@dataclass
class State:
    config: Config
    files: Files
    jobs: Jobs
    worker: Worker
    hub: Hub
    feed: Feed
    dispatcher: Dispatcher
    nodes: NodeInfo
    metrics: Metrics
    logs: Logs
    tasks: set[asyncio.Task[None]] = field(default_factory=set)  # kept from the garbage collector
    stats: dict[str, Any] = field(default_factory=dict)  # the worker's last ones
    decoders: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))  # a picture may take a gigabyte


STATE: web.AppKey[State] = web.AppKey("state")
