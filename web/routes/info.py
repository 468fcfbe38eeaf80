"""What this server is and has: nodes, system, features."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil
from aiohttp import web

from executor.worker.supervisor import Refused, WorkerLost
from web.config import Config
from web.reply import as_json
from web.state import STATE, State

routes = web.RouteTableDef()
SPOKEN = "0.3.64"  # the version of the standard whose API this is; clients check it
PATIENCE = 1.0  # seconds for the worker's numbers; then the last ones known are told


@routes.get("/object_info")
async def object_info(request: web.Request) -> web.Response:
    """Every node: inputs, outputs, help."""
    return as_json(await request.app[STATE].nodes.all())


@routes.get("/object_info/{name}")
async def object_info_of(request: web.Request) -> web.Response:
    """One node; an empty object if there is none of that name."""
    name = request.match_info["name"]
    found = await request.app[STATE].nodes.get(name)
    return as_json({} if found is None else {name: found})


@routes.get("/features")
async def features(request: web.Request) -> web.Response:
    """What clients may use beyond the oldest servers."""
    return as_json(flags(request.app[STATE].config))


def flags(config: Config) -> dict[str, Any]:
    return {"supports_preview_metadata": True, "max_upload_size": config.limits.body}


@routes.get("/system_stats")
async def system_stats(request: web.Request) -> web.Response:
    """Memory, versions and devices."""
    stats = await _stats(request.app[STATE])
    memory = psutil.virtual_memory()
    system = {
        "os": os.name,
        "ram_total": memory.total,
        "ram_free": memory.available,
        "comfyui_version": SPOKEN,
        "mezzotint_version": _version(),
        "required_frontend_version": "",
        "installed_templates_version": "",
        "required_templates_version": "",
        "python_version": sys.version,
        "pytorch_version": stats.get("torch", ""),
        "embedded_python": False,
        "argv": _argv(sys.argv),
    }
    return as_json({"system": system, "devices": stats.get("devices") or [_processor(memory)]})


async def _stats(state: State) -> dict[str, Any]:
    """The worker's numbers, or the last ones known while it cannot answer."""
    if state.worker.ready:
        try:
            state.stats = await state.worker.ask("stats", timeout=PATIENCE)
        except (WorkerLost, Refused, TimeoutError, asyncio.TimeoutError):
            return state.stats
    return state.stats


def _processor(memory: Any) -> dict[str, Any]:
    """The one device that is there in any case."""
    sizes = {"vram_total": memory.total, "vram_free": memory.available}
    torch_sizes = {f"torch_{name}": size for name, size in sizes.items()}
    return {"name": "cpu", "type": "cpu", "index": None, **sizes, **torch_sizes}


def _argv(line: list[str]) -> list[str]:
    """The program and the names of its options: their values may be paths or secrets."""
    return [os.path.basename(line[0]), *(part.partition("=")[0] for part in line[1:] if part.startswith("--"))]


def _version() -> str:
    try:
        return version("mezzotint")
    except PackageNotFoundError:
        return "checkout"
