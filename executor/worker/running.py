"""The worker's jobs: one at a time, their events told as they happen."""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from executor import events
from executor.bind import Problem
from executor.cache import Cache
from executor.cancel import Cancel
from executor.check import InvalidGraph, check, sound
from executor.files import Files
from executor.graph import GraphError, read
from executor.ledger import Ledger
from executor.node import registry
from executor.plan import Plan, make_plan
from executor.previews import Preview
from executor.run import run
from executor.store import Disk
from executor.sweep import SweepError
from executor.worker.outgoing import Outgoing
from executor.worker.place import Place
from executor.worker.requests import Site, collect, swept_by

_Queued = tuple[Mapping[str, Any], Cancel]  # a request, and what ends it


class Runner:
    """Runs the jobs that other threads add, in a loop on the thread that calls `serve`."""

    def __init__(self, files: Files, place: Place, outgoing: Outgoing):
        salt = f"{os.environ.get('MEZZOTINT_PRECISION', 'auto')} {os.environ.get('MEZZOTINT_DEVICE', 'auto')}"
        self._disk = Disk(files.base / "cache")
        self.site = Site(files, registry, Cache(disk=self._disk), salt)
        self._place, self._outgoing = place, outgoing
        self.freed = False  # while a job ran, so that what it used goes when it has ended
        self._cancels: dict[str, Cancel] = {}  # of the jobs that are here
        self._jobs: asyncio.Queue[_Queued | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop

    async def serve(self, ready: Callable[[], None]) -> None:
        """Run jobs until `stop`."""
        self._loop = asyncio.get_running_loop()
        ready()
        sweeping = asyncio.ensure_future(asyncio.to_thread(self._disk.sweep))
        while queued := await self._jobs.get():
            request, cancel = queued
            await self._answer(request, cancel)
            if self._cancels.get(job := str(request["job"])) is cancel:  # else it was asked for again
                del self._cancels[job]
            if self.freed:
                self.freed = False
                collect()
        await sweeping

    # --- called by other threads ---

    def add(self, request: Mapping[str, Any]) -> None:
        self._cancels[str(request["job"])] = cancel = Cancel()
        self._put((request, cancel))

    def cancel(self, job: str) -> None:
        """End a job that is here, even one that has not begun."""
        cancel = self._cancels.get(job)
        if cancel:
            cancel.set()

    def stop(self) -> None:
        """End what runs, and then `serve`."""
        self._put(None)
        for job in list(self._cancels):
            self.cancel(job)

    def _put(self, queued: _Queued | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and this process is about to
            self._loop.call_soon_threadsafe(self._jobs.put_nowait, queued)

    # --- one job ---

    async def _answer(self, request: Mapping[str, Any], cancel: Cancel) -> None:
        answer: dict[str, Any]
        try:
            answer = {"reply": await self._run(request, cancel)}
        except (InvalidGraph, GraphError, SweepError) as error:
            answer = {"refused": {"kind": "invalid", "message": str(error)}}
        except Exception as error:
            traceback.print_exc()
            answer = {"refused": {"kind": "internal", "message": f"{type(error).__name__}: {error}"}}
        finally:
            self._place.nowhere()
        self._outgoing.send({"id": request["id"], **answer})

    async def _run(self, request: Mapping[str, Any], cancel: Cancel) -> dict[str, Any]:
        """How the run ended. Raises InvalidGraph or GraphError if nothing of it can run."""
        site, say = self.site, self._saying(request["id"])
        plan, lost = self._plan(request)
        for failure in lost:
            say(failure)
        outcome = await run(
            plan,
            files=site.files,
            cache=site.cache,
            emit=say,
            cancel=cancel,
            extra_pnginfo=request.get("extra_pnginfo"),
            force=bool(request.get("force")),
            preview=Preview(request.get("preview") or "none", int(request.get("preview_size") or 512)),
            at=self._place.at,
            ledger=Ledger(site.files.base, str(request["job"])),
        )
        failed = [f.node for f in (*lost, *outcome.failed)]
        skipped = [] if plan.sweep else [id for id in request["targets"] if id not in plan.steps]
        return {
            "ok": outcome.ok and not lost,
            "cancelled": outcome.cancelled,
            "failed": failed,
            "skipped": [*skipped, *outcome.skipped],
        }

    def _plan(self, request: Mapping[str, Any]) -> tuple[Plan, list[events.NodeFailed]]:
        """What of a job can run, and why the rest, which was sound when it was submitted, cannot."""
        site = self.site
        swept = swept_by(request, request["graph"], site)
        graph = read(swept.graph if swept else request["graph"])
        targets: Sequence[str] = swept.targets(request["targets"]) if swept else request["targets"]
        problems = [p for p in check(graph, site.specs, site.files) if p.severity == "error"]
        able = sound(graph, problems, targets)
        needed = graph.needed(targets)
        lost = [p for p in problems if p.node in needed]
        if lost and not able:
            raise InvalidGraph(lost)
        plan = make_plan(graph, site.specs, able, site.files, salt=site.salt, sweep=swept)
        return plan, [_failure(p) for p in lost]

    def _saying(self, id: Any) -> events.Emit:
        def say(event: events.Event) -> None:
            header = {"id": id, "event": events.to_json(event)}
            if isinstance(event, events.Progressed):
                self._outgoing.send(header, event.preview or b"", latest=f"{id} {event.node}")
            else:
                self._outgoing.send(header)

        return say


def _failure(problem: Problem) -> events.NodeFailed:
    message = f"{problem.input}: {problem.message}" if problem.input else problem.message
    return events.NodeFailed(problem.node, problem.type, problem.kind, message, (), {})
