"""What is known of a job, and how it is written down."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from executor.jobs.search import shown_items

State = Literal["pending", "running", "success", "error", "cancelled"]
FINISHED: tuple[State, ...] = ("success", "error", "cancelled")
SHORT = (
    "jobs.id, number, state, client_id, workflow_id, name, force, preview, webhook, created, started, finished, "
    "crashes, targets, node_errors, error, timings"
)
LONG = f"{SHORT}, graph, extra, messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What every view of a job tells. Times are seconds since the epoch."""

    id: str
    number: float
    state: State
    client_id: str | None
    targets: tuple[str, ...]
    force: bool
    preview: str | None
    webhook: str | None
    created: float
    started: float | None
    finished: float | None
    crashes: int
    error: dict[str, Any] | None
    outputs: dict[str, dict[str, Any]]
    node_errors: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict[str, float])  # of each node that ran
    cached: tuple[str, ...] = ()  # those of the outputs that were there before


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Entry):
    graph: dict[str, Any]
    extra: dict[str, Any]
    messages: list[list[Any]]  # [type, data]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Entry):
    """A job in a list, without what is long."""

    outputs_count: int
    preview_output: dict[str, Any] | None
    workflow_id: str | None
    name: str | None


def job(row: sqlite3.Row, outputs: Iterable[sqlite3.Row]) -> Job:
    return Job(
        **_entry(row, outputs),
        graph=json.loads(row["graph"]),
        extra=json.loads(row["extra"]),
        messages=json.loads(row["messages"] or "[]"),
    )


def summary(row: sqlite3.Row, outputs: Iterable[sqlite3.Row]) -> Summary:
    entry = _entry(row, outputs)
    files = list(_files(entry["outputs"]))
    shown = min(files, key=lambda file: file["type"] != "output", default=None)  # one that was saved, if there is any
    told = {"workflow_id": row["workflow_id"], "name": row["name"]}
    return Summary(**entry, outputs_count=len(files), preview_output=shown, **told)


def _entry(row: sqlite3.Row, outputs: Iterable[sqlite3.Row]) -> dict[str, Any]:
    known = list(outputs)
    names = ("id", "number", "state", "client_id", "preview", "webhook", "created", "started", "finished", "crashes")
    return {name: row[name] for name in names} | {
        "force": bool(row["force"]),
        "targets": tuple(json.loads(row["targets"])),
        "error": json.loads(row["error"]) if row["error"] else None,
        "node_errors": json.loads(row["node_errors"]),
        "outputs": {output["node"]: json.loads(output["ui"]) for output in known},
        "seconds": {output["node"]: output["seconds"] for output in known} | json.loads(row["timings"] or "{}"),
        "cached": tuple(output["node"] for output in known if output["cached"]),
    }


def _files(outputs: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The files that a job shows, as lists of jobs describe them."""
    for node, ui in outputs.items():
        for kind, item in shown_items(ui):
            place = {"subfolder": item.get("subfolder", ""), "type": item.get("type", "output")}
            yield {"filename": item["filename"], **place, "nodeId": node, "mediaType": kind}


def text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def workflow_id(extra: Mapping[str, Any]) -> str | None:
    """The id of the editor's workflow that was sent along."""
    found: Any = extra
    for name in ("extra_pnginfo", "workflow", "id"):
        found = cast("dict[str, Any]", found).get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None


def workflow_name(extra: Mapping[str, Any]) -> str | None:
    """What the editor calls the workflow that was sent along; 200 characters at most."""
    found = extra.get("workflow_name")
    return found[:200] if isinstance(found, str) and found else None
