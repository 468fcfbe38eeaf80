"""From the events of one run to those who follow it: WebSocket clients, server-sent events, the database, metrics.

Traffic stays linear in the graph and in time. `executing` is one short message a node. `progress` is sent for every
step until a job has had a hundred of them, then at most twenty times a second. `progress_state` is sent at most ten
times a second, and what it holds depends on the size of the job: up to a hundred nodes, all that no longer wait, as
the standard has it; beyond, those that run and those that changed since the last message. Standard clients take each
message as the whole truth and then forget finished nodes, which they show no progress of anyway.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from web.stream import messages
from web.stream.hub import Hub, image_type
from web.stream.live import Live
from web.stream.messages import Hide, Message

if TYPE_CHECKING:
    from executor.jobs import Jobs
    from web.metrics import Metrics
    from web.stream.feed import Feed

WHOLE = 100  # nodes of a job up to which progress_state holds all that no longer wait
STATE_PAUSE = 0.11  # seconds between two progress_state: nine a second, and the last one
PROGRESS_BURST = 100  # progress messages of a job that are sent whatever their rate
PROGRESS_RATE = 20.0  # a second after those


class Relay:
    """Takes every event of one run, in order."""

    def __init__(
        self, live: Live, jobs: Jobs, hub: Hub, feed: Feed, metrics: Metrics, hide: Hide, previews: bool = True
    ) -> None:
        """previews: whether somebody asked for them, so that they go to clients that never said they know them, too."""
        self.live, self.messages = live, list[Message]()  # those that the history keeps
        self._id, self._sid = live.job.id, live.job.client_id
        self._jobs, self._hub, self._feed, self._metrics, self._hide = jobs, hub, feed, metrics, hide
        self._loop = asyncio.get_running_loop()
        self._told_cached, self._previews = False, previews
        self._steps: dict[str, None] = {}  # nodes whose newest progress is not sent
        self._allowance, self._refilled = float(PROGRESS_BURST), self._loop.time()
        self._changed: dict[str, None] = {}  # nodes that changed since the last progress_state
        self._state_due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, event: dict[str, Any], payload: bytes = b"") -> None:
        """Take an event of the worker. payload: the preview of `progressed`, if any."""
        self.live.fold(event)
        handler = _HANDLERS.get(event["event"])
        if handler is not None:
            handler(self, event)
        if payload and event["event"] == "progressed":
            self._preview(event["node"], payload)

    def close(self) -> None:
        """The run is over: send what waits."""
        self.drop()
        self._flush_progress()
        self._flush_state()

    def drop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- the events ---

    def _on_started(self, event: Mapping[str, Any]) -> None:
        self._keep(messages.execution_start(self._id, time.time()))

    def _on_cached(self, event: Mapping[str, Any]) -> None:
        nodes = event["nodes"]
        self._tell_cached(nodes)
        self._metrics.cached(len(nodes))
        self._feed.publish(self._id, "cached", {"nodes": nodes})

    def _tell_cached(self, nodes: list[str]) -> None:
        """The standard tells once and before all nodes which are cached; what we find out later comes in addition."""
        message = messages.execution_cached(self._id, nodes, time.time())
        if self._told_cached:
            self._send(message)
        else:
            self._keep(message)
        self._told_cached = True

    def _on_node_started(self, event: Mapping[str, Any]) -> None:
        id = event["node"]
        if not self._told_cached:
            self._tell_cached([])
        if self._watched():
            self._send(messages.executing(self.live, id), "executing")
        self._change(id)
        self._feed.publish(self._id, "node", {"node": id, "type": event["type"]})

    def _on_progressed(self, event: Mapping[str, Any]) -> None:
        id, value, total = event["node"], event["value"], event["total"]
        if id not in self.live.nodes:
            return
        self._steps[id] = None
        if self._allowed():
            self._flush_progress()
        self._change(id)
        overall = self.live.overall()
        self._feed.publish(self._id, "progress", {"node": id, "value": value, "total": total, "overall": overall})

    def _on_node_finished(self, event: Mapping[str, Any]) -> None:
        id, ui, cached = event["node"], event["ui"], event["cached"]
        if not cached:
            self._metrics.node(self.live.nodes[id].type, event["seconds"])
            self._flush_progress()
            self._change(id)
        if ui is not None:
            told = {"node": id, "output": ui, "cached": cached}
            with self._jobs.together():
                self._jobs.output(self._id, id, ui, event["seconds"], cached)
                number = self._jobs.append(self._id, "output", told)
            self._send(messages.executed(self.live, id, ui))
            self._feed.publish(self._id, "output", told, number)

    def _on_node_failed(self, event: Mapping[str, Any]) -> None:
        self._change(event["node"])
        self._publish("error", messages.node_error(self.live, event, time.time(), self._hide))

    def _on_run_finished(self, event: Mapping[str, Any]) -> None:
        self._publish("run", {name: value for name, value in event.items() if name != "event"})

    def _on_warned(self, event: Mapping[str, Any]) -> None:
        self._publish("warning", {"message": self._hide(event["message"])})

    # --- to whom ---

    def _publish(self, type: str, data: dict[str, Any]) -> None:
        """A durable event for those who follow by server-sent events."""
        self._feed.publish(self._id, type, data, self._jobs.append(self._id, type, data))

    def _watched(self) -> bool:
        return self._sid is not None and self._hub.watched(self._sid)

    def _keep(self, message: Message) -> None:
        self.messages.append(message)
        self._send(message)

    def _send(self, message: Message, latest: str | None = None) -> None:
        if self._sid is not None:  # a job of no client is nobody's, as in the standard
            self._hub.send(self._sid, *message, latest=latest)

    def _preview(self, id: str, image: bytes) -> None:
        if self._sid is not None and self._watched():
            self._hub.preview(self._sid, image, messages.place(self.live, id), asked=self._previews)
        if any(job == self._id for job, _ in self._feed.readers()):
            picture = base64.b64encode(image).decode()
            self._feed.publish(self._id, "preview", {"node": id, "image_type": image_type(image), "image": picture})

    # --- at their pace ---

    def _allowed(self) -> bool:
        """Whether another `progress` may be sent now."""
        now = self._loop.time()
        more = (now - self._refilled) * PROGRESS_RATE
        self._allowance, self._refilled = min(self._allowance + more, PROGRESS_BURST), now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _flush_progress(self) -> None:
        if self._watched():
            for id in self._steps:
                node = self.live.nodes[id]
                self._send(messages.progress(self._id, id, node.value, node.max), "progress")
        self._steps.clear()

    def _change(self, id: str) -> None:
        """A node changed: tell when its time has come."""
        self._changed[id] = None
        if self._timer is None:
            wait = self._state_due - self._loop.time()
            if wait <= 0:
                self._flush_state()
            else:
                self._timer = self._loop.call_later(wait, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._flush_progress()
        self._flush_state()

    def _flush_state(self) -> None:
        if self._changed and self._watched():
            self._send(self.state(), "progress_state")
        self._changed.clear()
        self._state_due = self._loop.time() + STATE_PAUSE

    def state(self) -> Message:
        """The newest progress_state."""
        live = self.live
        whole = max(live.size, len(live.nodes)) <= WHOLE
        return messages.progress_state(live, live.nodes if whole else {**live.running, **self._changed})


_HANDLERS: dict[str, Callable[[Relay, Mapping[str, Any]], None]] = {
    "started": Relay._on_started,
    "cached_set": Relay._on_cached,
    "node_started": Relay._on_node_started,
    "progressed": Relay._on_progressed,
    "node_finished": Relay._on_node_finished,
    "node_failed": Relay._on_node_failed,
    "run_finished": Relay._on_run_finished,
    "warned": Relay._on_warned,
}
