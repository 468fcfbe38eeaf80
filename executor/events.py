"""The events of a run: the only thing that leaves it. The command line, the web and the tests read the same ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Queued:
    """A job waits for its turn, `position` jobs before it."""

    job: str
    position: int


@dataclass(frozen=True, slots=True)
class Started:
    """A run begins; `nodes` is how many steps its plan has."""

    targets: tuple[str, ...]
    nodes: int


@dataclass(frozen=True, slots=True)
class CachedSet:
    """These nodes need not run: their results are there, or nothing needs them."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """`parent` is the node that returned the graph in which this one stands, or the node that this is in one round of
    a loop."""

    node: str
    type: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Progressed:
    """`value` of `total` steps are done; `preview` is a picture of the work, JPEG or PNG (left out of JSON)."""

    node: str
    value: int
    total: int
    preview: bytes | None = None


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """`ui` is what the node shows, if anything; `bytes` is the size of its results."""

    node: str
    ui: Mapping[str, Any] | None
    seconds: float
    bytes: int
    cached: bool = False


@dataclass(frozen=True, slots=True)
class NodeFailed:
    """What the node raised; `inputs` are short texts."""

    node: str
    type: str
    error: str
    message: str
    traceback: tuple[str, ...]
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunFinished:
    """One of the `total` runs of a sweep is over; `outputs` is what its nodes show. ok: none of them failed."""

    run: int
    total: int
    label: str
    values: Mapping[str, Any]
    ok: bool
    outputs: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something did not go as it should, and the run goes on without it."""

    message: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The run was cancelled while `node` ran."""

    node: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over. `skipped` nodes did not run because what they need failed."""

    failed: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float


Event = (
    Queued
    | Started
    | CachedSet
    | NodeStarted
    | Progressed
    | NodeFinished
    | NodeFailed
    | RunFinished
    | Warned
    | Cancelled
    | Finished
)
Emit = Callable[[Event], None]


def to_json(event: Event) -> dict[str, Any]:
    """`{"event": "node_started", "node": "3", ...}`."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    return {"event": name} | {f.name: getattr(event, f.name) for f in fields(event) if f.name != "preview"}
