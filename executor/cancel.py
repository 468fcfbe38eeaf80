"""A switch that ends a run from any thread, and the progress reports that obey it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from executor.events import Emit, Progressed, Warned
from executor.node import Cancelled
from executor.previews import Previews, Sketch


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

    def __init__(self, node: str, post: Emit, cancel: Cancel, previews: Previews):
        self._node, self._post, self._cancel, self._previews = node, post, cancel, previews
        self._last: tuple[int, int] | None = None
        self._blind = False  # a preview failed

    def __call__(self, value: int, total: int, preview: Sketch | None = None) -> None:
        self._cancel.check()
        now = (value * 100 // max(total, 1), total)
        if now != self._last:
            self._last = now
            self._post(Progressed(self._node, value, total, self._picture(preview)))

    def _picture(self, sketch: Sketch | None) -> bytes | None:
        if self._blind:
            return None
        try:
            return self._previews.picture(sketch)
        except Exception as error:  # what only shows the work must not end it
            self._blind = True
            kind = type(error).__name__
            self._post(Warned(f"node {self._node} goes on without previews, since one failed: {kind}: {error}"))
            return None

    def check(self) -> None:
        self._cancel.check()
