"""A switch that ends a run from any thread, and the progress reports that obey it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from executor.events import Emit, Progressed
from executor.node import Cancelled


class Cancel:
    """Set once, from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wake: list[Callable[[], None]] = []

    def set(self) -> None:
        self._event.set()
        for wake in list(self._wake):
            wake()

    def is_set(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if it was set."""
        if self._event.is_set():
            raise Cancelled

    def on_set(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` when it is set; returns what undoes this."""
        self._wake.append(wake)
        return lambda: self._wake.remove(wake)


class Reporter:
    """The `Progress` of one node: at most a hundred and one reports of a pass get through."""

    def __init__(self, node: str, post: Emit, cancel: Cancel):
        self._node, self._post, self._cancel = node, post, cancel
        self._last: tuple[int, int] | None = None

    def __call__(self, value: int, total: int, preview: Any = None) -> None:
        self._cancel.check()
        now = (value * 100 // max(total, 1), total)
        if now != self._last:
            self._last = now
            self._post(Progressed(self._node, value, total, preview))

    def check(self) -> None:
        self._cancel.check()
