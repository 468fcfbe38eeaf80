"""A job as GET /jobs shows it: what Comfy Cloud's public API has, and more. Times are milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from executor.jobs.records import FINISHED, workflow_id, workflow_name
from web.standard import (
    STATUS,
    execution_meta,
    execution_status,
    files,
    number,
    preview_output,
    queue_item,
    view_url,
)
from web.state import State

if TYPE_CHECKING:
    from executor.jobs import Job, Summary


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _basics(job: Job | Summary) -> dict[str, Any]:
    return {
        "id": job.id,
        "status": STATUS[job.state],
        "create_time": _ms(job.created),
        "update_time": _ms(job.finished or job.started or job.created),
        "execution_start_time": _ms(job.started),
        "execution_end_time": _ms(job.finished),
        "execution_error": _execution_error(job.error),
        "priority": number(job.number),
        "client_id": job.client_id,
        "links": links(job.id),
    }


def links(id: str) -> dict[str, str]:
    """Where to go on from a job, from the root of the server."""
    return {"self": f"/jobs/{id}", "events": f"/jobs/{id}/events", "cancel": f"/jobs/{id}/cancel"}


def _execution_error(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """The error of a job with every field that a client may read."""
    if error is None:
        return None
    blank = {"node_id": "", "node_type": "", "exception_message": "", "exception_type": "", "traceback": []}
    return {**blank, "current_inputs": {}, "current_outputs": {}, **error}


def item(job: Summary, position: Callable[[str], int | None]) -> dict[str, Any]:
    """A job in a list."""
    return _basics(job) | {
        "preview_output": _placed(job.preview_output),
        "outputs_count": job.outputs_count,
        "workflow_id": job.workflow_id,
        "name": job.name,
        "position": position(job.id) if job.state == "pending" else None,
    }


def _placed(file: dict[str, Any] | None) -> dict[str, Any] | None:
    return file and {**file, "node": file["nodeId"], "kind": file["mediaType"], "url": view_url(file)}


def detail(job: Job, state: State) -> dict[str, Any]:
    """All about a job."""
    found = files(job.outputs)
    _, _, graph, extra, _ = queue_item(job)
    return _basics(job) | {
        "preview_output": preview_output(found),
        "outputs_count": len(found),
        "workflow_id": workflow_id(extra),
        "name": workflow_name(extra),
        "workflow": {"prompt": graph, "extra_data": extra},
        "outputs": job.outputs,
        "execution_status": execution_status(job) if job.state in FINISHED else None,
        "execution_meta": execution_meta(job),
        "files": found,
        "seconds": job.seconds,
        "cached": list(job.cached),
        "crashes": job.crashes,
        "node_errors": job.node_errors,
        "runs": _runs(job, state),
        **present(job, state),
    }


def _runs(job: Job, state: State) -> list[dict[str, Any]]:
    """The runs of a sweep that are over, in the order of their numbers."""
    if not job.extra.get("sweep"):
        return []
    told = {data["run"]: data for _, type, data in state.jobs.events_after(job.id, 0) if type == "run"}
    return [told[number] for number in sorted(told)]


def present(job: Job, state: State) -> dict[str, Any]:
    """How far a job is at this moment: what the first event of a stream tells."""
    live = state.dispatcher.live
    running = live is not None and live.job.id == job.id
    return {
        "status": STATUS[job.state],
        "position": state.jobs.position(job.id) if job.state == "pending" else None,
        "progress": live.progress() if live is not None and running else None,
        "error": error_message(job.error),
    }


def error_message(error: dict[str, Any] | None) -> str | None:
    """The error in one text."""
    return None if error is None else str(error.get("exception_message") or error.get("message") or "the job failed")
