"""The loop that takes one job after the other from the queue, has the worker run it, and records how it ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from executor import ledger
from executor.files import Files
from executor.jobs import Job, Jobs, JobsError, State, UnknownJob
from executor.worker.supervisor import Refused, Worker, WorkerLost
from web.config import Config
from web.standard import STATUS
from web.stream import messages
from web.stream.hub import Hub
from web.stream.live import Live, Paces
from web.stream.messages import Message
from web.stream.relay import Relay

if TYPE_CHECKING:
    from web.metrics import Metrics
    from web.stream.feed import Feed

GRACE = 10.0  # seconds that the running job has to finish when the server stops
STATUS_PAUSE = 0.05  # seconds between two messages to all about the length of the queue
STUBBORN = 5.0  # seconds after a first interrupt from which on another one ends the worker: a node is stuck
TRIES = 2  # deaths of the worker after which a job is not tried again
AFTER_FAULT = 1.0  # seconds until the next try, if the queue itself cannot be read

log = logging.getLogger(__name__)


class Dispatcher:
    """One job at a time. All of it is called on the loop."""

    def __init__(
        self, config: Config, files: Files, jobs: Jobs, worker: Worker, hub: Hub, feed: Feed, metrics: Metrics
    ) -> None:
        self.on_finished: list[Callable[[Job], None]] = []
        self._config, self._files, self._jobs, self._worker = config, files, jobs, worker
        self._hub, self._feed, self._metrics = hub, feed, metrics
        self._hide = messages.hiding(config.base, *([config.output] if config.output else []))
        self._paces = Paces()
        self._relay: Relay | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._status_due = 0.0
        self._status_timer: asyncio.TimerHandle | None = None

    @property
    def live(self) -> Live | None:
        """The state of the job that runs."""
        return None if self._relay is None else self._relay.live

    # --- life ---

    def start(self) -> None:
        if (self._files.base / "cache" / "saving").is_dir():
            ledger.sweep(self._files.base, (job.id for job in self._jobs.pending()))
        self._task = asyncio.get_running_loop().create_task(self._loop())

    async def stop(self, grace: float = GRACE) -> None:
        """Take no other job. The one that runs may finish within `grace` seconds, else it waits again."""
        self._stopping = True
        if self._task is not None:
            if self._relay is not None:
                await asyncio.wait([self._task], timeout=grace)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._status_timer is not None:
            self._status_timer.cancel()

    async def _loop(self) -> None:
        while not self._stopping:
            try:
                await self._next()
            except Exception:  # of the queue itself; a job that fails ends as such
                log.exception("the queue does not go on as it should; it is tried again")
                await asyncio.sleep(AFTER_FAULT)

    async def _next(self) -> None:
        """Do the next job, or wait for what may bring one."""
        self._news.clear()
        await self._worker.wait_ready()
        job = self._claim()
        if job is None:
            await self._news.wait()
        else:
            await self._do(job)

    def _claim(self) -> Job | None:
        with self._jobs.together():
            job = self._jobs.claim()
            if job is None:
                return None
            data = {"status": STATUS["running"]}
            seq = self._jobs.append(job.id, "status", data)
        self._feed.publish(job.id, "status", data, seq)
        return job

    # --- one job ---

    async def _do(self, job: Job) -> None:
        live = Live(job, self._paces)
        asked = (job.preview or self._config.preview) is not None
        relay = self._relay = Relay(live, self._jobs, self._hub, self._feed, self._metrics, self._hide, asked)
        try:
            ending = await self._run(relay)
            if ending is None:
                self._put_back(job, crashed=False)
            elif isinstance(ending, WorkerLost):
                self._put_back(job, crashed=True)
            else:
                await self._finish(relay, *ending)
        except asyncio.CancelledError:  # the server stops
            with suppress(JobsError):  # then the next start puts it back
                self._put_back(job, crashed=False)
            raise
        finally:
            relay.drop()
            self._relay = None

    async def _run(self, relay: Relay) -> tuple[State, dict[str, Any] | None] | WorkerLost | None:
        """How the job ended, and why; WorkerLost if it has to be tried again because of it; None if it never began."""
        live = relay.live
        try:
            reply = await self._worker.run(self._hearing(relay), **self._request(live.job))
        except Refused as error:
            kind = "InvalidGraph" if error.kind == "invalid" else "WorkerRefused"
            return "error", messages.fault(live, kind, str(error))
        except WorkerLost as lost:
            return self._lost(live, lost)
        except Exception as error:  # of what takes the events; the worker is told to give up the job
            log.exception("the job %s ends, since what it tells cannot be recorded", live.job.id)
            return "error", messages.fault(live, type(error).__name__, str(error))
        if reply["cancelled"]:
            return "cancelled", None
        if reply["ok"]:
            return "success", None
        unsaid = messages.fault(
            live, "Failed", "nodes could not run: " + ", ".join(reply["failed"] or reply["skipped"])
        )
        return "error", next(iter(live.failures), unsaid)

    def _request(self, job: Job) -> dict[str, Any]:
        extra = job.extra.get("extra_pnginfo")
        return {
            "job": job.id,
            "graph": job.graph,
            "targets": list(job.targets),
            "extra_pnginfo": extra if isinstance(extra, dict) else {},
            "force": job.force,
            "preview": job.preview or self._config.preview or "auto",
            "preview_size": self._config.preview_size,
            **({"sweep": job.extra["sweep"]} if job.extra.get("sweep") else {}),
        }

    def _hearing(self, relay: Relay) -> Callable[[dict[str, Any], bytes], None]:
        def hear(event: dict[str, Any], payload: bytes) -> None:
            relay(event, payload)
            if relay.live.interrupted is not None and event["event"] == "started":  # before the worker knew it
                task = asyncio.get_running_loop().create_task(self._cancel(relay.live.job.id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        return hear

    async def _cancel(self, id: str) -> None:
        with suppress(WorkerLost, TimeoutError):  # then it has ended, or will by itself
            await self._worker.ask("cancel", job=id, timeout=5.0)

    def _lost(self, live: Live, lost: WorkerLost) -> tuple[State, dict[str, Any] | None] | WorkerLost | None:
        """What becomes of a job whose worker died."""
        if lost.sent and not self._stopping:
            self._metrics.crash()
        if live.interrupted is not None:
            return "cancelled", None
        if not lost.sent or self._stopping:
            return None
        if live.job.crashes + 1 < TRIES:
            return lost
        why = f"{lost}; that was the second time with this job, so it is not tried again"
        about = {"signal": lost.signal, "exit_code": lost.exit_code, "memory": lost.memory}
        failure = messages.fault(live, "WorkerLost", why, **about)
        return "error", failure | ({"node": lost.node, "type": lost.node_type or ""} if lost.node else {})

    def _put_back(self, job: Job, *, crashed: bool) -> None:
        with self._jobs.together():
            self._jobs.put_back(job.id, crashed=crashed)
            data = {"status": STATUS["pending"], "position": self._jobs.position(job.id)}
            seq = self._jobs.append(job.id, "status", data)
        self._feed.publish(job.id, "status", data, seq)

    async def _finish(self, relay: Relay, state: State, failure: dict[str, Any] | None) -> None:
        """Record it; then tell it, in the standard's order."""
        relay.close()
        live, id = relay.live, relay.live.job.id
        ending = self._ending(live, state, failure)
        told: list[Message] = [("end", {"status": STATUS[state]})]
        if failure and not live.failures:  # else each was told when it happened
            told.insert(0, ("error", messages.node_error(live, failure, time.time(), self._hide)))
        error = ending[1] if failure else None
        if error:
            what = (id, error["node_type"], error["node_id"], error["exception_type"], error["exception_message"][:500])
            log.warning("job %s failed at %s %s: %s: %s", *what)
        job, numbers = await self._record(live, state, error, [*relay.messages, ending], told)
        self._relay = None
        self._tell(live.job.client_id, state, ending, id)
        for (type, data), number in zip(told, numbers, strict=True):
            self._feed.publish(id, type, data, number)
        self._metrics.job(state, (job.finished or 0.0) - (job.started or 0.0))
        ledger.forget(self._files.base, id)
        for call in self.on_finished:
            call(job)

    async def _record(
        self, live: Live, state: State, error: dict[str, Any] | None, said: list[Message], told: list[Message]
    ) -> tuple[Job, list[int]]:
        """Write down the end of a job, however long the disk is full: else it would run again."""
        id = live.job.id
        while True:
            try:
                with self._jobs.together():
                    self._jobs.timing(id, live.seconds())
                    job = self._jobs.finish(id, state, error=error, messages=said)
                    return job, [self._jobs.append(id, type, data) for type, data in told]
            except UnknownJob:
                raise
            except JobsError as fault:
                log.error("the end of job %s cannot be recorded as yet: %s", id, fault)
                await asyncio.sleep(AFTER_FAULT)

    def _ending(self, live: Live, state: State, failure: dict[str, Any] | None) -> Message:
        now = time.time()
        if failure is not None:
            return messages.execution_error(live, failure, now, self._hide)
        if state == "cancelled":
            return messages.execution_interrupted(live, now)
        return messages.execution_success(live.job.id, now)

    def _tell(self, sid: str | None, state: State, ending: Message, id: str) -> None:
        if sid is not None:
            self._hub.send(sid, *ending)
            if self._hub.watched(sid):
                self._hub.send(sid, *self._status(), latest="status")
            self._hub.send(sid, *messages.over(id))
        elif state == "cancelled":
            self._hub.send(None, *ending)
        self.changed()

    # --- what others tell it ---

    def wake(self) -> None:
        """A job was added, or the queue goes on."""
        self._news.set()

    async def interrupt(self, id: str | None) -> bool:
        """End the job that runs (of that id, if one is given), or take the waiting job of that id from the queue.

        A node that is stuck hears nothing; when the job is interrupted again after a while, its process is ended.
        """
        live = self.live
        if live is not None and id in (None, live.job.id):
            await self._end(live)
            return True
        dropped = [] if id is None else self._jobs.delete([id])
        for one in dropped:
            self._feed.publish(one, "end", {"status": STATUS["cancelled"]})
            self.changed()
        return bool(dropped)

    async def _end(self, live: Live) -> None:
        now = asyncio.get_running_loop().time()
        if live.interrupted is None:
            live.interrupted = now
        elif now - live.interrupted > STUBBORN:
            log.warning("the job %s does not end when it is told to, so its process is ended", live.job.id)
            self._worker.kill()
            return
        await self._cancel(live.job.id)

    # --- what all clients are told ---

    def changed(self) -> None:
        """The queue has another length: tell all clients, but not more often than they can make use of."""
        if self._status_timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait = self._status_due - loop.time()
        if wait > 0:
            self._status_timer = loop.call_later(wait, self._broadcast)
        else:
            self._broadcast()

    def _broadcast(self) -> None:
        self._status_timer = None
        self._status_due = asyncio.get_running_loop().time() + STATUS_PAUSE
        if self._hub.watched(None):
            self._hub.send(None, *self._status(), latest="status")

    def _status(self) -> Message:
        return messages.status(self._jobs.remaining())

    def greeting(self, sid: str) -> list[Message]:
        """What a client is told first: the length of the queue, its id, and how far a job of its own is."""
        type, data = self._status()
        told: list[Message] = [(type, {**data, "sid": sid})]
        if self._relay is None or self._relay.live.job.client_id != sid:
            return told
        live, node = self._relay.live, self._relay.live.current()
        if node is not None:
            told += [messages.executing(live, node)]
        return [*told, self._relay.state()] if live.nodes else told
