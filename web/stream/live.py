"""The state of the job that runs, folded from the worker's events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from executor.jobs import Job

WEIGHT = 0.3  # of the newest time in the average of a type
MOST_TYPES = 1_000


@dataclass(slots=True)
class NodeState:
    """A node that is no longer waiting. `value` of `max` steps are done."""

    state: str  # running, finished or error
    type: str
    parent: str | None = None  # the node that returned the graph in which this one stands
    value: float = 0.0
    max: float = 1.0
    seconds: float | None = None  # that it took
    cached: bool = False
    since: float = 0.0  # when it started, by the clock


class Paces:
    """How long the nodes of each type took lately, in seconds."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}

    def took(self, type: str, seconds: float) -> None:
        before = self._known.get(type)
        if before is not None:
            self._known[type] = before + WEIGHT * (seconds - before)
        elif len(self._known) < MOST_TYPES:
            self._known[type] = seconds

    def expected(self, type: str) -> float | None:
        return self._known.get(type)

    def copy(self) -> dict[str, float]:
        return self._known.copy()


class Live:
    """One run of a job. Nodes that wait have no entry in `nodes`."""

    def __init__(self, job: Job, paces: Paces | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.job = job
        self.nodes: dict[str, NodeState] = {}
        self.running: dict[str, None] = {}  # the newest last
        self.failures: list[dict[str, Any]] = []  # the events of nodes that failed
        self.started = self.cancelled = self.finished = False
        self.runs = 0.0  # the part of the runs of a sweep that is over
        self.interrupted: float | None = None  # when somebody first asked for its end, on the loop's clock
        self.size = 0  # nodes that the plan has
        self._paces, self._clock = paces or Paces(), clock
        self._before = self._paces.copy()  # what the nodes of this run teach must not change their weights meanwhile
        self._waiting: dict[str, float] | None = (
            None  # the weight of each node that is to be computed; built when asked
        )
        self._total = self._done = self._shown = 0.0

    def fold(self, event: Mapping[str, Any]) -> None:
        """Take in one event, in the form of executor.events.to_json."""
        handler = _HANDLERS.get(event["event"])
        if handler is not None:
            handler(self, event)

    # --- the events ---

    def _on_started(self, event: Mapping[str, Any]) -> None:
        self.started = True
        self.size = event["nodes"]

    def _on_cached(self, event: Mapping[str, Any]) -> None:
        for id in event["nodes"]:
            known = self.nodes.get(id)
            if known is None:
                self.nodes[id] = NodeState("finished", self.type(id), self._parent(id), 1.0, 1.0, 0.0, True)
                self._settle(id, cached=True)

    def _on_node_started(self, event: Mapping[str, Any]) -> None:
        id = event["node"]
        self.nodes[id] = NodeState("running", event["type"], event["parent"], since=self._clock())
        self.running[id] = None

    def _on_progressed(self, event: Mapping[str, Any]) -> None:
        node = self.nodes.get(event["node"])
        if node is not None:
            node.value, node.max = event["value"], event["total"]

    def _on_node_finished(self, event: Mapping[str, Any]) -> None:
        id, cached = event["node"], event["cached"]
        node = self.nodes.setdefault(id, NodeState("finished", self.type(id), self._parent(id)))
        node.state, node.value = "finished", node.max
        node.seconds, node.cached = event["seconds"], cached
        self._settle(id, cached)
        if not cached:
            self._paces.took(node.type, event["seconds"])

    def _on_node_failed(self, event: Mapping[str, Any]) -> None:
        id = event["node"]
        node = self.nodes.setdefault(id, NodeState("error", event["type"], self._parent(id), since=self._clock()))
        node.state, node.seconds = "error", self._clock() - node.since
        self.failures.append(dict(event))
        self._settle(id, cached=False)

    def _on_run_finished(self, event: Mapping[str, Any]) -> None:
        self.runs += 1 / event["total"]

    def _on_cancelled(self, _: Mapping[str, Any]) -> None:
        self.cancelled = True

    def _on_finished(self, event: Mapping[str, Any]) -> None:
        self.finished = True
        for id in event["skipped"]:
            if id in self.running:  # it had started, and what it waited for failed
                self.nodes[id].state = "error"
                del self.running[id]

    def _settle(self, id: str, cached: bool) -> None:
        self.running.pop(id, None)
        if self._waiting is None:
            return
        weight = self._waiting.pop(id, 0.0)
        if cached:
            self._total -= weight
        else:
            self._done += weight

    # --- which node is which ---

    def type(self, id: str) -> str:
        """The type of a node, as far as it is known: cached nodes of returned graphs tell none."""
        node = self.job.graph.get(id)
        return node.get("class_type", "") if isinstance(node, Mapping) else ""

    def parent(self, id: str) -> str | None:
        node = self.nodes.get(id)
        return self._parent(id) if node is None else node.parent

    def _parent(self, id: str) -> str | None:
        """The longest id before a dot that is a node: a returned graph stands behind the id of who returned it."""
        if id in self.job.graph:
            return None
        end = id.rfind(".")
        while end > 0 and id[:end] not in self.nodes and id[:end] not in self.job.graph:
            end = id.rfind(".", 0, end)
        return id[:end] if end > 0 else None

    def display(self, id: str) -> str:
        """The node of the submitted graph that stands for a node."""
        while (parent := self.parent(id)) is not None:
            id = parent
        return id

    def current(self) -> str | None:
        """The node that started last of those that run."""
        return next(reversed(self.running), None)

    # --- how far it is ---

    def seconds(self) -> dict[str, float]:
        """How long each node took that was computed."""
        return {id: n.seconds for id, n in self.nodes.items() if n.seconds is not None and not n.cached}

    def progress(self) -> dict[str, Any]:
        """`overall` (0..1), `nodes` that no longer wait, `rate` in steps a second and `remaining` seconds if known."""
        nodes = {
            id: {"state": n.state, "value": n.value, "max": n.max, "seconds": n.seconds, "cached": n.cached}
            for id, n in self.nodes.items()
        }
        known = {"rate": self._rate(), "remaining": self._remaining()}
        told = {name: round(value, 3) for name, value in known.items() if value is not None}
        return {"overall": self.overall(), "nodes": nodes, **told}

    def overall(self) -> float:
        """The part of the work that is done, by the time that nodes of these types took; it never goes back. Of a
        sweep, the part of its runs."""
        part = 1.0 if self.finished else self.runs if self.job.extra.get("sweep") else self._worked()
        self._shown = max(self._shown, min(part, 1.0))
        return round(self._shown, 4)

    def _worked(self) -> float:
        waiting = self._weights()
        partly = sum(waiting.get(id, 0.0) * self._part(id) for id in self.running)
        return (self._done + partly) / self._total if self._total > 1e-9 else 0.0

    def _part(self, id: str) -> float:
        node = self.nodes[id]
        return min(node.value / node.max, 1.0) if node.max else 0.0

    def _weights(self) -> dict[str, float]:
        if self._waiting is None:
            needed = needed_nodes(self.job.graph, self.job.targets)
            computed = [id for id in needed if id not in self.nodes or not self.nodes[id].cached]
            weights = self._weigh(computed)
            self._total = sum(weights.values())
            over = [id for id in weights if id in self.nodes and id not in self.running]
            self._done = sum(map(weights.pop, over))
            self._waiting = weights
        return self._waiting

    def _weigh(self, ids: list[str]) -> dict[str, float]:
        """The seconds that nodes of their types took; those of unknown types count as the mean of the others."""
        known = {id: self._before.get(self.type(id)) for id in ids}
        seconds = [max(s, 1e-4) for s in known.values() if s is not None]
        mean = sum(seconds) / len(seconds) if seconds else 1.0
        return {id: mean if s is None else max(s, 1e-4) for id, s in known.items()}

    def _rate(self) -> float | None:
        """Steps a second of the node that started last, if it counts any."""
        id = self.current()
        return None if id is None else self._rate_of(self.nodes[id])

    def _rate_of(self, node: NodeState) -> float | None:
        elapsed = self._clock() - node.since
        return node.value / elapsed if node.max > 1 and node.value > 0 and elapsed > 0 else None

    def _remaining(self) -> float | None:
        """Seconds until the end; None if a node is left of whose type no time is known."""
        left = [self._left(id) for id in self._weights()]
        return None if self.finished or not left or None in left else sum(filter(None, left))

    def _left(self, id: str) -> float | None:
        node = self.nodes.get(id)
        if node is None:
            return self._paces.expected(self.type(id))
        rate = self._rate_of(node)
        if rate:
            return max(node.max - node.value, 0) / rate
        expected = self._paces.expected(node.type)
        return None if expected is None else max(expected - (self._clock() - node.since), 0.0)


_HANDLERS: dict[str, Callable[[Live, Mapping[str, Any]], None]] = {
    "started": Live._on_started,
    "cached_set": Live._on_cached,
    "node_started": Live._on_node_started,
    "progressed": Live._on_progressed,
    "node_finished": Live._on_node_finished,
    "node_failed": Live._on_node_failed,
    "run_finished": Live._on_run_finished,
    "cancelled": Live._on_cancelled,
    "finished": Live._on_finished,
}


def needed_nodes(graph: Mapping[str, Any], targets: Iterable[str]) -> set[str]:
    """The nodes that the targets need: themselves and all that is linked before them."""
    found: set[str] = set()
    stack = [id for id in targets if id in graph]
    while stack:
        id = stack.pop()
        if id in found:
            continue
        found.add(id)
        inputs = graph[id].get("inputs", {}) if isinstance(graph[id], Mapping) else {}
        stack += [v[0] for v in inputs.values() if isinstance(v, list) and len(v) == 2 and _is_node(v[0], graph)]
    return found


def _is_node(id: Any, graph: Mapping[str, Any]) -> bool:
    return isinstance(id, str) and id in graph
