"""Our jobs in the shapes of the public Comfy API v2."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from executor.files import FileProblem, Files, contained
from web import media
from web.job_view import error_message
from web.standard import files

if TYPE_CHECKING:
    from executor.jobs import Job
    from web.state import State
    from web.stream.live import Live

STATUS = {
    "pending": "queued",
    "running": "running",
    "success": "succeeded",
    "error": "failed",
    "cancelled": "canceled",
}
NEVER = "2999-12-31T00:00:00Z"  # the API wants a date; jobs and files here do not expire by time
_KINDS = ("image", "video", "audio", "text")


def time(seconds: float | None) -> str | None:
    """A date and time of the API."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job(job: Job, state: State, base: str) -> dict[str, Any]:
    """The job object. base: the URL below which `/v2` is."""
    live = _live(job, state)
    return {
        "id": job.id,
        **status(job, state),
        "created_at": time(job.created),
        "started_at": time(job.started),
        "completed_at": time(job.finished),
        "expires_at": NEVER,
        "progress": None if live is None else progress(live),
        "outputs": [output(file, job.id, state.files, base) for file in files(job.outputs)],
        "error": _error(job),
        "metrics": {
            "queue_ms": _between(job.created, job.started),
            "execution_ms": _between(job.started, job.finished),
        },
        "urls": {
            "self": f"{base}/v2/jobs/{job.id}",
            "events": f"{base}/v2/jobs/{job.id}/events",
            "cancel": f"{base}/v2/jobs/{job.id}/cancel",
        },
    }


def _live(job: Job, state: State) -> Live | None:
    live = state.dispatcher.live
    return live if live is not None and live.job.id == job.id else None


def status(job: Job, state: State) -> dict[str, Any]:
    """What a `status` event tells."""
    live = _live(job, state)
    ending = live is not None and live.interrupted is not None and job.state == "running"
    return {
        "status": "canceling" if ending else STATUS[job.state],
        "queue_position": state.jobs.position(job.id) if job.state == "pending" else None,
    }


def _between(start: float | None, end: float | None) -> int | None:
    return None if start is None or end is None else round((end - start) * 1000)


def progress(live: Live) -> dict[str, Any]:
    """How far a run is, as a whole."""
    id = live.current()
    node = None if id is None else live.nodes[id]
    counts = node is not None and node.max > 1
    step, steps = (round(node.value), round(node.max)) if node is not None and counts else (None, None)
    name = None if node is None else node.type
    done = sum(node.state == "finished" for node in live.nodes.values())
    return {
        "value": live.overall(),
        "nodes_done": done,
        "nodes_total": max(live.size, len(live.nodes)),
        "current_node": id,
        "current_node_class": name,
        "step": step,
        "steps": steps,
        "message": name if step is None else f"{name} {step}/{steps}",
    }


def _error(job: Job) -> dict[str, Any] | None:
    if job.error is None:
        return None
    trace = job.error.get("traceback")
    return {
        "code": "node_execution_error" if job.error.get("node_id") else "execution_error",
        "message": error_message(job.error),
        "node_id": job.error.get("node_id"),
        "class_type": job.error.get("node_type"),
        "traceback": "".join(map(str, trace)) if isinstance(trace, list) else None,
    }


# --- files as assets ----------------------------------------------------------------------------


def asset_id(file: Mapping[str, Any]) -> str:
    """An id from which the file follows, so that none need be kept."""
    path = "/".join(str(file.get(name) or "") for name in ("type", "subfolder", "filename"))
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def asset_file(id: str) -> dict[str, str] | None:
    """The file that an id means, if it is one."""
    try:
        path = base64.urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    kind, _, rest = path.partition("/")
    subfolder, _, name = rest.rpartition("/")
    return {"type": kind, "subfolder": subfolder, "filename": name} if kind and name else None


def output(file: Mapping[str, Any], job: str, stored: Files, base: str) -> dict[str, Any]:
    """A file of a job."""
    id, name = asset_id(file), file["filename"]
    type = media.type_of(name)
    kind = type.partition("/")[0]
    return {
        "node_id": file["node"],
        "name": name,
        "type": "latent" if name.endswith(".latent") else kind if kind in _KINDS else "file",
        "content_type": type,
        "size_bytes": _size(file, stored),
        "id": id,
        "hash": None,
        "url": f"{base}/v2/assets/{id}/content",
        "url_expires_at": NEVER,
        "job_id": job,
    }


def _size(file: Mapping[str, Any], stored: Files) -> int:
    """Bytes of a file; 0 if it was taken away."""
    try:
        root = stored.root(str(file.get("type")))
        return contained(root, f"{file.get('subfolder') or ''}/{file['filename']}".lstrip("/")).stat().st_size
    except (FileProblem, OSError, ValueError):
        return 0
