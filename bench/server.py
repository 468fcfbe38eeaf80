"""What the server costs: start, jobs per second, memory, events, restart.

    python bench/server.py

Every figure stands beside a peer measured in the same run: importing torch, or a trivial aiohttp handler that is
called by the same clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # run as a script, from anywhere

import aiohttp
import psutil

ROOT = Path(__file__).parent.parent
CLIENTS, JOBS, HISTORY, NODES = 64, 1_000, 10_000, 1_500
TRIVIAL = """
import asyncio, json, sys
from aiohttp import web
async def answer(request):
    body = await request.json()
    return web.json_response({"nodes": len(body["prompt"])})
async def main():
    app = web.Application()
    app.router.add_post("/prompt", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"at http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


# --- processes -----------------------------------------------------------------------------------


@contextlib.contextmanager
def process(*line: str) -> Iterator[tuple[str, int, float]]:
    """A server: its address, its process id, and the seconds until it said the address."""
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().split()[-1], running.pid, time.perf_counter() - started
        finally:
            running.terminate()


def mezzotint(base: str) -> contextlib.AbstractContextManager[tuple[str, int, float]]:
    return process(sys.executable, str(ROOT / "main.py"), "serve", "--port", "0", "--base-directory", base)


def first_200(url: str, since: float) -> float:
    """Seconds from `since` until this address answers."""
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url) as answer:
            answer.read()
            return time.perf_counter() - since


def import_torch() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - started


# --- jobs ----------------------------------------------------------------------------------------


def show(text: str) -> dict[str, Any]:
    return {"1": {"class_type": "PreviewAny", "inputs": {"source": text}}}


def chain(count: int, text: str) -> dict[str, Any]:
    """Trivial nodes in a row, each with something to tell."""
    graph: dict[str, Any] = {"0": {"class_type": "PrimitiveString", "inputs": {"value": text}}}
    for i in range(1, count - 1):
        graph[str(i)] = {"class_type": "StringTrim", "inputs": {"string": [str(i - 1), 0], "mode": "Both"}}
    return graph | {"end": {"class_type": "PreviewAny", "inputs": {"source": [str(count - 2), 0]}}}


async def submit(session: aiohttp.ClientSession, graph: dict[str, Any], client: str) -> str:
    async with session.post("/prompt", json={"prompt": graph, "client_id": client}) as answer:
        body = await answer.json()
        assert answer.status == 200, body
        return body["prompt_id"]


@contextlib.asynccontextmanager
async def follower(session: aiohttp.ClientSession, client: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse[bool]]:
    async with session.ws_connect(f"/ws?clientId={client}", max_msg_size=0) as socket:
        await socket.receive()  # status
        yield socket


async def until_done(socket: aiohttp.ClientWebSocketResponse[bool], job: str) -> tuple[int, int]:
    """Wait for the job's last message; how many messages and bytes came."""
    messages = size = 0
    async for message in socket:
        messages, size = messages + 1, size + len(message.data)
        if message.type is aiohttp.WSMsgType.TEXT:
            body = json.loads(message.data)
            data = body["data"]
            if body["type"] == "executing" and data["node"] is None and data["prompt_id"] == job:
                break
    return messages, size


async def load(url: str) -> dict[str, float]:
    """All clients keep their share of the jobs going, one at a time each; the results are in the cache."""
    seconds: list[float] = []

    async def one(session: aiohttp.ClientSession) -> None:
        client = uuid.uuid4().hex
        async with follower(session, client) as socket:
            for _ in range(JOBS // CLIENTS + 1):
                started = time.perf_counter()
                await until_done(socket, await submit(session, show("cached"), client))
                seconds.append(time.perf_counter() - started)

    async with session_to(url) as session:
        await until_idle(session, await submit(session, show("cached"), "warm"))
        before = await completed(session)
        started = time.perf_counter()
        await asyncio.gather(*(one(session) for _ in range(CLIENTS)))
        took = time.perf_counter() - started
        finished = await completed(session) - before
    ranks = statistics.quantiles(seconds, n=100)
    return {
        "jobs_per_second": len(seconds) / took,
        "p50": ranks[49],
        "p99": ranks[98],
        "lost": len(seconds) - finished,
    }


async def completed(session: aiohttp.ClientSession) -> int:
    async with session.get("/jobs?status=completed&limit=1") as answer:
        return (await answer.json())["pagination"]["total"]


async def trivial_load(url: str) -> float:
    """Requests per second of a handler that only reads the same body, called by as many clients."""

    async def one(session: aiohttp.ClientSession) -> None:
        for _ in range(JOBS // CLIENTS + 1):
            async with session.post("/prompt", json={"prompt": show("cached")}) as answer:
                await answer.read()

    async with session_to(url) as session:
        started = time.perf_counter()
        await asyncio.gather(*(one(session) for _ in range(CLIENTS)))
        return CLIENTS * (JOBS // CLIENTS + 1) / (time.perf_counter() - started)


def session_to(url: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(600))


async def until_idle(session: aiohttp.ClientSession, job: str) -> None:
    while True:
        async with session.get(f"/history/{job}") as answer:
            if job in await answer.json():
                return
        await asyncio.sleep(0.002)


async def follow(url: str) -> dict[str, float]:
    """A run of many nodes: followed by nobody, by a client that reads, and by one that never reads."""
    spent: dict[str, list[float]] = {"nobody": [], "reader": [], "sleeper": []}
    messages = size = 0
    async with session_to(url) as session:
        for turn in range(3):
            started = time.perf_counter()
            await until_idle(session, await submit(session, chain(NODES, f"nobody {turn}"), "nobody"))
            spent["nobody"].append(time.perf_counter() - started)
            async with follower(session, "reader") as socket:
                started = time.perf_counter()
                job = await submit(session, chain(NODES, f"reader {turn}"), "reader")
                messages, size = await until_done(socket, job)
                spent["reader"].append(time.perf_counter() - started)
            async with follower(session, "sleeper"):
                started = time.perf_counter()
                await until_idle(session, await submit(session, chain(NODES, f"sleeper {turn}"), "sleeper"))
                spent["sleeper"].append(time.perf_counter() - started)
    best = {name: min(times) for name, times in spent.items()}
    return best | {"messages_per_second": messages / best["reader"], "bytes": size}


# --- the figures ---------------------------------------------------------------------------------


def starts(base: str, torch: float) -> dict[str, float]:
    """Seconds from the start of the process, the first time and again, each as a part of importing torch."""
    figures: dict[str, float] = {}
    for turn in ("first", "again"):
        began = time.perf_counter()
        with mezzotint(base) as (url, _, _):
            page = first_200(url + "/", began)
            info = first_200(url + "/object_info", began)
            asyncio.run(_one_job(url, turn))
            job = time.perf_counter() - began
        for name, seconds in (("page", page), ("object_info", info), ("job", job)):
            figures[f"{turn}_{name}"] = seconds
            print(f"{turn:>6} start to {name:<12} {seconds:6.2f} s, {seconds / torch:5.2f} of importing torch")
    return figures


async def _one_job(url: str, text: str) -> None:
    async with session_to(url) as session:
        await until_idle(session, await submit(session, show(text), "bench"))


def memory(process_id: int) -> float:
    return psutil.Process(process_id).memory_info().rss / 1e6


def main() -> None:
    torch = min(import_torch() for _ in range(2))
    figures: dict[str, float] = {"import_torch": torch}
    with tempfile.TemporaryDirectory() as base:
        figures |= starts(base, torch)
        with process(sys.executable, "-c", TRIVIAL) as (bare, bare_id, _), mezzotint(base) as (url, id, _):
            first_200(url + "/object_info", time.perf_counter())
            figures |= {"idle_mb": memory(id), "idle_over_bare": memory(id) / memory(bare_id)}
            print(f"idle: {figures['idle_mb']:.0f} MB, {figures['idle_over_bare']:.2f} of a bare aiohttp server")
            requests = asyncio.run(trivial_load(bare))
            figures |= asyncio.run(load(url))
            figures["jobs_over_trivial_requests"] = figures["jobs_per_second"] / requests
            print(
                f"{CLIENTS} clients: {figures['jobs_per_second']:.0f} cached jobs/s, "
                f"{figures['jobs_over_trivial_requests']:.2f} of a trivial handler's requests/s; "
                f"p50 {figures['p50'] * 1e3:.0f} ms, p99 {figures['p99'] * 1e3:.0f} ms; lost {figures['lost']:.0f}"
            )
            followed = asyncio.run(follow(url))
            figures |= followed
            print(
                f"{NODES} nodes: {followed['messages_per_second']:.0f} messages/s, {followed['bytes'] / 1e6:.2f} MB; "
                f"time with a reader {followed['reader'] / followed['nobody']:.2f}, "
                f"with a client that never reads {followed['sleeper'] / followed['nobody']:.2f} of that with nobody"
            )
        figures |= restart(base)
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def restart(base: str) -> dict[str, float]:
    """Seconds until ready, with an empty history and with a long one."""
    with tempfile.TemporaryDirectory() as empty:
        short = min(ready(empty) for _ in range(3))
    fill(Path(base))
    long = min(ready(base) for _ in range(3))
    print(f"restart with {HISTORY} jobs in the history: {long:.2f} s to ready, {long / short:.2f} of an empty one")
    return {"restart": long, "restart_over_empty": long / short}


def ready(base: str) -> float:
    began = time.perf_counter()
    with mezzotint(base) as (url, _, _):
        return first_200(url + "/readyz", began)


def fill(base: Path) -> None:
    """A history as long as it gets."""
    from executor.jobs import Jobs

    jobs = Jobs.open(base / "mezzotint.db", keep=HISTORY)
    try:
        for i in range(HISTORY):
            job, _ = jobs.add(chain(10, f"job {i}"), ("end",))
            jobs.claim()
            jobs.output(job.id, "end", {"text": [f"job {i}"]}, 0.01, False)
            jobs.finish(job.id, "success")
    finally:
        jobs.close()


if __name__ == "__main__":
    main()
