"""Numbers for Prometheus, in its text format; no library, since these few lines are the whole format."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from web.state import State

TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)  # seconds
STATES = ("success", "error", "cancelled")
MOST_TYPES = 1_000  # of nodes: each is a line for ever


@dataclass
class Times:
    """How often something took how long."""

    count: int = 0
    total: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.buckets[bisect_left(BUCKETS, seconds)] += 1


class Metrics:
    """What was counted since the start of this process."""

    def __init__(self) -> None:
        self.jobs: dict[str, Times] = {state: Times() for state in STATES}
        self.nodes: defaultdict[str, Times] = defaultdict(Times)
        self.hits = 0
        self.crashes = 0
        self.answers: Counter[str] = Counter()  # by the class of their status, as 2xx

    def job(self, state: str, seconds: float) -> None:
        """A job ended (success, error or cancelled)."""
        self.jobs.setdefault(state, Times()).add(seconds)

    def node(self, type: str, seconds: float) -> None:
        """A node was computed."""
        self.nodes[type if type in self.nodes or len(self.nodes) < MOST_TYPES else "other"].add(seconds)

    def cached(self, nodes: int) -> None:
        """So many nodes of a job were taken from the cache."""
        self.hits += nodes

    def crash(self) -> None:
        """The worker died while it ran a job."""
        self.crashes += 1

    def answer(self, status: int) -> None:
        """A request was answered."""
        self.answers[f"{status // 100}xx"] += 1

    def render(self, state: State) -> str:
        """All of it, with the gauges as they are now."""
        lines = [*self._counted(), *_now(state)]
        return "\n".join(lines) + "\n"

    def _counted(self) -> Iterator[str]:
        yield from _head("jobs_total", "counter", "Jobs that ended, by state.")
        yield from (_line("jobs_total", times.count, state=state) for state, times in self.jobs.items())
        yield from _head("job_seconds", "histogram", "Seconds that jobs ran, by the state they ended in.")
        for state, times in self.jobs.items():
            yield from _histogram("job_seconds", times, state)
        yield from _head("node_seconds", "summary", "Seconds that nodes were computed, by their type.")
        for type, times in sorted(self.nodes.items()):
            yield _line("node_seconds_sum", times.total, type=type)
            yield _line("node_seconds_count", times.count, type=type)
        yield from _head("cached_nodes_total", "counter", "Nodes that were taken from the cache.")
        yield _line("cached_nodes_total", self.hits)
        yield from _head("worker_crashes_total", "counter", "Deaths of the worker process while it ran a job.")
        yield _line("worker_crashes_total", self.crashes)
        yield from _head("http_requests_total", "counter", "Requests that were answered, by class of status.")
        yield from (_line("http_requests_total", n, status=status) for status, n in sorted(self.answers.items()))


def _now(state: State) -> Iterator[str]:
    running = int(state.dispatcher.live is not None)
    process = psutil.Process()
    gauges: dict[str, tuple[str, str, float]] = {
        "queue_jobs": ("gauge", "Jobs that wait.", max(state.jobs.remaining() - running, 0)),
        "running_jobs": ("gauge", "Jobs that run now.", running),
        "clients": ("gauge", "Connected WebSocket clients, by id.", len(state.hub.sids())),
        "worker_ready": ("gauge", "Whether the worker process can take a job.", int(state.worker.ready)),
        "worker_restarts_total": ("counter", "Starts of the worker process after the first.", state.worker.restarts),
        "worker_memory_bytes": ("gauge", "Resident memory of the worker process.", state.worker.memory()),
        "server_memory_bytes": ("gauge", "Resident memory of this process.", process.memory_info().rss),
        "server_start_time_seconds": ("gauge", "When this process started, since the epoch.", process.create_time()),
    }
    for name, (kind, help, value) in gauges.items():
        yield from _head(name, kind, help)
        yield _line(name, value)


def _head(name: str, kind: str, help: str) -> Iterator[str]:
    yield f"# HELP mezzotint_{name} {help}"
    yield f"# TYPE mezzotint_{name} {kind}"


def _histogram(name: str, times: Times, state: str) -> Iterator[str]:
    below = 0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), times.buckets, strict=True):
        below += count
        yield _line(f"{name}_bucket", below, state=state, le=bound)
    yield _line(f"{name}_sum", times.total, state=state)
    yield _line(f"{name}_count", times.count, state=state)


def _line(name: str, value: float, **labels: str) -> str:
    return f"mezzotint_{name}{_labels(labels)} {value!r}"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
