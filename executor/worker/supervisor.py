"""Keeps a worker process alive, and speaks with it: the web process's side of executor.worker."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from executor.worker.child import Child, OnEvent, Refused
from executor.worker.lost import Death, WorkerLost

__all__ = ["Death", "Refused", "Worker", "WorkerLost"]

FIRST_WAIT, LONGEST_WAIT = 0.1, 30.0  # seconds between a death and the next start
HEALTHY = 60.0  # seconds of life after which the waiting begins anew
LOOK = 0.25  # seconds between two looks at its memory
ANEW = {"prepare", "convert", "describe", "stats"}  # may be asked again of the next process


class Worker:
    """One worker process at a time, the next one started where one ends."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        on_log: Callable[[str], None] = lambda line: None,
        on_hello: Callable[[dict[str, Any]], None] = lambda hello: None,
    ):
        """command: starts a process. env: what it finds in its environment beside ours.

        on_log: told each line that it writes to standard error, and how it ends. on_hello: what it says of itself.
        """
        self.restarts = 0
        self.hello: dict[str, Any] | None = None  # of the last process that was ready
        self._command, self._env = list(command), {**os.environ, **(env or {}), **_where_we_are()}
        self._on_log, self._on_hello = on_log, on_hello
        self._child: Child | None = None  # the process that runs, if one does
        self._failed: Death | None = None  # of the last start, if that came to nothing
        self._stopping = False
        self._news = asyncio.Event()  # replaced by each change of the above
        self._task: asyncio.Task[None] | None = None

    # --- life ---

    async def start(self) -> None:
        """Start the process and watch over it; returns at once."""
        self._task = asyncio.create_task(self._supervise())

    async def stop(self, grace: float = 10.0) -> None:
        """Ask it to end, then tell it to, and at last end it."""
        self._stopping = True
        self._changed()
        child, task = self._child, self._task
        if task is None:
            return
        if child is not None:
            await self._end(child, grace)
        with suppress(asyncio.CancelledError):
            if child is None:
                task.cancel()
            await task

    def kill(self) -> None:
        """End the process at once, whatever it does; the next one is started."""
        if self._child is not None:
            self._child.signal("kill")

    async def _end(self, child: Child, grace: float) -> None:
        if child.hello:
            child.tell({"do": "stop"})
            if await _within(child, grace):
                return
        for how in ("terminate", "kill"):
            child.signal(how)
            if await _within(child, min(grace, 2.0)):
                return

    async def _supervise(self) -> None:
        wait = FIRST_WAIT
        clock = asyncio.get_running_loop().time
        while not self._stopping:
            started = clock()
            death = await self._live()
            if self._stopping:
                return
            wait = FIRST_WAIT if clock() - started > HEALTHY else wait
            self._on_log(f"{death}; it starts again in {wait:g} s")
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
            self.restarts += 1

    async def _live(self) -> Death:
        """One process, from its start to its end."""
        loop = asyncio.get_running_loop()
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        try:
            _, child = await loop.subprocess_exec(
                lambda: Child(self._ready, self._on_log),
                *self._command,
                **pipes,
                env=self._env,
                start_new_session=True,  # so that Ctrl-C reaches only us
            )
        except OSError as error:
            death = Death(reason=f"cannot be started: {error}")
            self._failed = death
            self._changed()
            return death
        self._child = child
        looking = asyncio.create_task(_look(child))
        try:
            death = await child.gone()
        finally:
            looking.cancel()
            child.close()
            await child.ended.wait()  # where this task was cancelled, it has been killed only now
        self._child = None
        self._failed = None if death.was_ready else death
        self._changed()
        child.fail(death)
        return death

    def _ready(self, child: Child) -> None:
        self.hello = child.hello
        child.memory = _memory(child.pid)
        self._failed = None
        self._changed()
        self._on_hello(child.hello or {})

    def _changed(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # --- its state ---

    @property
    def ready(self) -> bool:
        """Whether a process is there that answers."""
        return self._child is not None and self._child.hello is not None and not self._child.ended.is_set()

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def memory(self) -> int:
        """Bytes of memory that the process uses; 0 if there is none."""
        return _memory(self._child.pid) if self._child else 0

    async def wait_ready(self) -> None:
        """Return when a process is there that answers. Raises WorkerLost when there will be none."""
        while True:
            with suppress(WorkerLost):
                await self._there()
                return
            if self._stopping:
                raise WorkerLost(Death(reason="is stopped"), sent=False)
            await self._news.wait()

    async def _there(self) -> Child:
        """The process that answers. Raises WorkerLost if the last start failed, or there will be no other."""
        while True:
            if self._stopping:
                raise WorkerLost(Death(reason="is stopped"), sent=False)
            if self._child and self.ready:
                return self._child
            if self._failed:
                raise WorkerLost(self._failed, sent=False)
            await self._news.wait()

    # --- requests ---

    async def ask(self, do: str, *, payload: bytes = b"", timeout: float = 30.0, **arguments: Any) -> dict[str, Any]:
        """The reply to a request, of the next process if this one ends. Raises WorkerLost, Refused, TimeoutError."""
        request = {"do": do, **arguments}
        try:
            return await asyncio.wait_for(self._ask(request, payload), timeout)
        except asyncio.TimeoutError:
            raise TimeoutError(f"the worker process gave no answer to {do!r} within {timeout:g} seconds") from None

    async def _ask(self, request: dict[str, Any], payload: bytes) -> dict[str, Any]:
        try:
            return await (await self._there()).ask(request, payload)
        except WorkerLost as lost:
            if not lost.sent or request["do"] not in ANEW:
                raise
        return await (await self._there()).ask(request, payload)

    async def run(self, on_event: OnEvent, **request: Any) -> dict[str, Any]:
        """Run a job; cancelling this coroutine cancels it. Raises WorkerLost, Refused, and what `on_event` raises."""
        child = await self._there()
        try:
            return await child.ask({"do": "run", **request}, b"", on_event)
        except (WorkerLost, Refused):
            raise
        except BaseException:
            child.tell({"do": "cancel", "job": request.get("job")})
            raise


def _where_we_are() -> dict[str, str]:
    """The environment in which `-m executor.worker` finds this package, wherever the server was started."""
    home = str(Path(__file__).resolve().parent.parent.parent)
    others = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join((home, others)) if others else home, "PYTHONSAFEPATH": "1"}


async def _within(child: Child, seconds: float) -> bool:
    """Whether it has ended within that time."""
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(child.ended.wait(), seconds)
    return child.ended.is_set()


async def _look(child: Child) -> None:
    """Keep in mind what memory it uses, which nobody can tell once it is gone."""
    while True:
        child.memory = _memory(child.pid) or child.memory
        await asyncio.sleep(LOOK)


def _memory(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
