"""Events on their way from the thread of the work to the loop, where they are handed over in batches."""

from __future__ import annotations

import asyncio
from collections import deque

from executor.cancel import Cancel
from executor.events import Emit, Event

FLUSH = 0.01  # seconds within which events are handed over together


class Outbox:
    """Of one run. `error` is what `emit` raised; the run is cancelled then."""

    def __init__(self, loop: asyncio.AbstractEventLoop, emit: Emit, cancel: Cancel):
        self._loop, self._emit, self._cancel = loop, emit, cancel
        self._events: deque[Event] = deque()
        self._flushing = False
        self.error: Exception | None = None

    def post(self, event: Event) -> None:
        """From any thread."""
        self._events.append(event)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon_threadsafe(self._loop.call_later, FLUSH, self.flush)

    def flush(self) -> None:
        """Emit what has happened; on the loop."""
        self._flushing = False
        while self._events:
            event = self._events.popleft()
            if self.error:
                continue
            try:
                self._emit(event)
            except Exception as error:  # raised by `run` when the work has ended
                self.error = error
                self._cancel.set()
