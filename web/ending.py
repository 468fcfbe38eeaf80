"""Ending jobs that do not run yet: taken from the queue, or cancelled so that they stay known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from executor import ledger
from web.state import State


def tell_dropped(state: State, ids: Sequence[str]) -> None:
    """Waiting jobs were taken from the queue, as the standard does it: nothing is left of them but who follows them."""
    for id in ids:
        ledger.forget(state.files.base, id)  # it may have begun once, and been put back
        state.feed.publish(id, "end", {"status": "cancelled"})


def cancel_waiting(state: State, id: str) -> None:
    """End a waiting job as cancelled; it stays in the history, so that who follows it is told."""
    end = {"status": "cancelled"}
    with state.jobs.together():
        state.jobs.finish(id, "cancelled")
        seq = state.jobs.append(id, "end", end)
    ledger.forget(state.files.base, id)
    state.feed.publish(id, "end", end, seq)


def publish(state: State, id: str, type: str, data: Mapping[str, Any]) -> None:
    """A durable event."""
    state.feed.publish(id, type, data, state.jobs.append(id, type, data))
