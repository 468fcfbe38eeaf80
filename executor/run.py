"""Runs a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from executor import events
from executor.cache import Cache
from executor.cancel import Cancel
from executor.files import Files
from executor.ledger import Ledger
from executor.outcome import Outcome
from executor.plan import Plan
from executor.previews import Preview
from executor.work import At, Work

__all__ = ["Cancel", "Outcome", "Preview", "execute", "run"]


async def run(
    plan: Plan,
    *,
    files: Files,
    cache: Cache | None = None,
    emit: events.Emit = lambda event: None,
    cancel: Cancel | None = None,
    extra_pnginfo: Mapping[str, Any] | None = None,
    force: bool = False,
    preview: Preview | None = None,
    at: At = lambda node, type_: None,
    ledger: Ledger | None = None,
) -> Outcome:
    """Compute the targets of a plan. A node that fails is an event and fails only what depends on it.

    emit: called with every event, on this loop. If it raises, the run is cancelled and the exception raised here.
    cancel: ends the run within a step of whatever runs; so does cancelling this coroutine.
    extra_pnginfo: what nodes that save pictures write into them, such as the editor's workflow.
    force: compute everything anew, and store it.
    preview: which pictures of unfinished work come with the progress; None for none.
    at: called with the id and the type of each node before it runs, in the thread of the work; an event comes later.
    ledger: of a job that may have been run before, by a process that was killed; what it saved then is not saved again.
    """
    cache, cancel = cache or Cache(memory=0, models=0), cancel or Cancel()
    job = Work(plan, files, cache, emit, cancel, extra_pnginfo or {}, force, preview, at, ledger)
    with _thread() as thread:
        working = asyncio.get_running_loop().run_in_executor(thread, copy_context().run, job.work)
        try:
            outcome = await asyncio.shield(working)
        except asyncio.CancelledError:
            job.cancel.set()
            while not working.done():
                await asyncio.wait([working])
            raise
        finally:
            job.outbox.flush()
    if job.outbox.error:
        raise job.outbox.error
    return outcome


_idle: list[ThreadPoolExecutor] = []


@contextmanager
def _thread() -> Generator[ThreadPoolExecutor, None, None]:
    """One that computes; run after run the same. Torch gives each that has ever computed threads of its own, and once
    they are more than the cores all of them sleep between operations: small ones then take twice as long."""
    thread = _idle.pop() if _idle else ThreadPoolExecutor(1, "computing")
    try:
        yield thread
    finally:
        _idle.append(thread)


def execute(
    plan: Plan,
    *,
    files: Files,
    cache: Cache | None = None,
    emit: events.Emit = lambda event: None,
    cancel: Cancel | None = None,
    extra_pnginfo: Mapping[str, Any] | None = None,
    force: bool = False,
    preview: Preview | None = None,
) -> Outcome:
    """`run`, for programs without an event loop. On Ctrl-C the run ends in order, then KeyboardInterrupt is raised."""
    return asyncio.run(
        run(
            plan,
            files=files,
            cache=cache,
            emit=emit,
            cancel=cancel,
            extra_pnginfo=extra_pnginfo,
            force=force,
            preview=preview,
        )
    )
