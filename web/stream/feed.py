"""The server-sent events of jobs: from who publishes them to every reader, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

Item = tuple[int | None, str, dict[str, Any]]  # number of a durable event, type, data

BACKLOG = 256  # durable events that wait for a reader; live ones likewise
MISSED = "missed"  # a reader was so slow that durable events were dropped: it reads them from the database


class Feed:
    """Publish and subscribe, by job. Durable events carry the number that the database gave them."""

    def __init__(self) -> None:
        self.ended: set[Callable[[str], None]] = set()  # called with the id of each job that ends
        self._readers: dict[str, set[_Reader]] = {}

    def publish(self, job: str, type: str, data: Mapping[str, Any], seq: int | None = None) -> None:
        """Hand an event to the job's readers; never waits. seq: of a durable event, None of a live one."""
        for reader in self._readers.get(job, ()):
            reader.put(seq, type, dict(data))
        if type == "end":
            for call in tuple(self.ended):
                call(job)

    def subscribe(self, job: str) -> AbstractAsyncContextManager[AsyncIterator[Item]]:
        """The events of a job from now on. A reader too slow for the durable ones is told `MISSED`."""
        return self._subscribe(job)

    @asynccontextmanager
    async def _subscribe(self, job: str) -> AsyncIterator[AsyncIterator[Item]]:
        reader = _Reader()
        self._readers.setdefault(job, set()).add(reader)
        try:
            yield reader
        finally:
            readers = self._readers[job]
            readers.discard(reader)
            if not readers:
                del self._readers[job]

    def readers(self) -> Iterator[tuple[str, int]]:
        """How many read each job."""
        yield from ((job, len(readers)) for job, readers in self._readers.items())

    def close(self) -> None:
        """End every stream: the server stops."""
        for readers in self._readers.values():
            for reader in readers:
                reader.close()


class _Reader:
    """What one reader has still to read, in order. Awaiting the next item can be cancelled without loss."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Item] = {}
        self._live: dict[Hashable, None] = {}  # the keys of live events, the oldest first
        self._news = asyncio.Event()
        self._closed = False

    def put(self, seq: int | None, type: str, data: dict[str, Any]) -> None:
        if seq is None and type != "end":
            self._put_live((type, None if type == "preview" else data.get("node")), type, data)
        elif MISSED not in self._waiting and len(self._waiting) - len(self._live) < BACKLOG:
            self._waiting[seq] = (seq, type, data)
        else:  # all from here on is read from the database
            self._waiting.setdefault(MISSED, (None, MISSED, {}))
        self._news.set()

    def _put_live(self, key: Hashable, type: str, data: dict[str, Any]) -> None:
        """The newest of each key, at the end, where it belongs in time."""
        self._drop(key)
        if len(self._live) >= BACKLOG:
            self._drop(next(iter(self._live)))
        self._waiting[key] = (None, type, data)
        self._live[key] = None

    def _drop(self, key: Hashable) -> None:
        self._waiting.pop(key, None)
        self._live.pop(key, None)

    def close(self) -> None:
        self._closed = True
        self._news.set()

    def __aiter__(self) -> _Reader:
        return self

    async def __anext__(self) -> Item:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        key = next(iter(self._waiting))
        self._live.pop(key, None)
        return self._waiting.pop(key)
