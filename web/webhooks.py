"""Telling another server that a job is over.

A delivery is owed until the durable event `webhook` of the job says how it went, so a restart forgets none: each is
made at least once, and the receiver tells repeats by the job's id (also in the header Idempotency-Key).
The URL is the client's choice and may be of any host, also of the server's own network: only who is allowed to use
the server can name one, and `web/submission.py` takes none where everybody is allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from executor.jobs.records import FINISHED
from web.ending import publish
from web.job_view import error_message
from web.standard import STATUS, files, text
from web.state import STATE, State

if TYPE_CHECKING:
    from executor.jobs import Job

TIMEOUT = 10.0  # seconds of one attempt
PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0)  # seconds between attempts
AT_ONCE = 8  # deliveries under way
AGAIN = {408, 425, 429}  # besides 5xx, the answers after which another attempt makes sense


class Webhooks:
    """The deliveries of one server."""

    def __init__(self, state: State, pauses: Sequence[float] = PAUSES) -> None:
        self._state, self._pauses = state, pauses
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Deliver what is owed from before, and from now on whatever ends."""
        self._state.feed.ended.add(self.ended)
        for id in self._state.jobs.owed():
            self.ended(id)

    async def stop(self) -> None:
        """Stop; what is not delivered is owed."""
        self._state.feed.ended.discard(self.ended)
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def ended(self, id: str) -> None:
        """A job is over: tell of it, if that was asked for."""
        job = self._state.jobs.get(id)
        if job is None or not job.webhook or job.state not in FINISHED or id in self._tasks:
            return
        task = asyncio.get_running_loop().create_task(self._deliver(job, job.webhook))
        self._tasks[id] = task
        task.add_done_callback(lambda _: self._tasks.pop(id, None))

    async def _deliver(self, job: Job, url: str) -> None:
        """Try until it is taken or can never be, and write down which."""
        body = text(message(job)).encode()
        attempts, problem = 0, ""
        for pause in (0.0, *self._pauses):
            await asyncio.sleep(pause)
            async with self._places:
                problem, again = await self._attempt(job.id, url, body)
            attempts += 1
            if not problem:
                break
            self._state.logs.event("warning", "a webhook was not taken", job=job.id, attempt=attempts, problem=problem)
            if not again:
                break
        outcome = {"delivered": not problem, "attempts": attempts, "problem": problem or None}
        if problem:
            self._state.logs.event("error", "a webhook is given up", job=job.id, attempts=attempts)
        if self._state.jobs.get(job.id) is not None:  # it may be forgotten by now
            publish(self._state, job.id, "webhook", outcome)

    async def _attempt(self, id: str, url: str, body: bytes) -> tuple[str, bool]:
        """What is wrong, empty if nothing, and whether it may be better another time."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        headers = {"Content-Type": "application/json", "User-Agent": "mezzotint", "Idempotency-Key": id}
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                if answer.status < 300:
                    return "", False
                return f"the answer was {answer.status}", answer.status >= 500 or answer.status in AGAIN
        except asyncio.TimeoutError:
            return f"there was no answer within {TIMEOUT:g} s", True
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"[:300], not isinstance(error, aiohttp.InvalidURL)


def message(job: Job) -> dict[str, Any]:
    """What is told of a finished job."""
    origin = job.extra.get("origin", "")
    found = [{**file, "url": f"{origin}{file['url']}"} for file in files(job.outputs)]
    return {
        "id": job.id,
        "prompt_id": job.id,
        "status": STATUS[job.state],
        "create_time": round(job.created * 1000),
        "execution_start_time": None if job.started is None else round(job.started * 1000),
        "execution_end_time": None if job.finished is None else round(job.finished * 1000),
        "outputs": found,
        "error": error_message(job.error),
        "url": f"{origin}/jobs/{job.id}",
    }


async def running(app: web.Application) -> AsyncIterator[None]:
    """A part of the application: `app.cleanup_ctx.append(webhooks.running)`."""
    webhooks = Webhooks(app[STATE])
    webhooks.start()
    yield
    await webhooks.stop()
