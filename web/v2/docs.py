"""The Comfy API v2 in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from web.openapi.endpoints import EVENTS, JSON, Endpoint
from web.openapi.schemas import (
    NUMBER,
    OPEN,
    SIZE,
    TEXT,
    WHOLE,
    Schema,
    array,
    mapping,
    maybe,
    one_of,
    record,
    ref,
    said,
)

_TAG = "Comfy API v2"
TAGS = {_TAG: "The public Comfy API v2, as far as jobs and their files go"}
_KEY = {"Idempotency-Key": TEXT | {"maxLength": 200}}
_LIVE = """`status`, `progress`, `preview` and `output`, as they happen. Events have no id: who comes back is told the
present state. GET /jobs/{id}/events is the stream that can be resumed."""


def _endpoint(summary: str, answer: str, *errors: int, **more: Any) -> Endpoint:
    also = {status: ref("V2Error") for status in errors}
    return Endpoint(_TAG, summary, answers={JSON: ref(answer)}, also=also, **more)


ENDPOINTS: dict[str, Endpoint] = {
    "POST /v2/jobs": _endpoint(
        "Queue a job", "V2Job", 400, 422, 503, status=201, body={JSON: ref("V2Submission")}, header=_KEY, id="v2_submit"
    ),
    "GET /v2/jobs/{id}": _endpoint("How a job is, with every output so far", "V2Job", 404, id="v2_job"),
    "POST /v2/jobs/{id}/cancel": _endpoint("End a job that waits or runs", "V2Job", 404, id="v2_cancel"),
    "GET /v2/jobs/{id}/workflow": _endpoint("What a job ran", "V2Workflow", 404, id="v2_workflow"),
    "GET /v2/jobs/{id}/events": Endpoint(
        _TAG, "Follow a job", answers={EVENTS: ref("Event")}, also={404: ref("V2Error")}, text=_LIVE, id="v2_events"
    ),
    "GET /v2/assets/{id}": _endpoint("What is known of a file of a job", "V2Asset", 400, 403, 404, id="v2_asset"),
    "GET /v2/assets/{id}/content": Endpoint(
        _TAG,
        "A file of a job",
        answers={"*/*": {}},
        others={206: "the part of it that `Range` asks for", 304: "it is still the one that the client has"},
        errors=(416,),
        also={status: ref("V2Error") for status in (400, 404)},
        id="v2_content",
    ),
}  # fmt: skip

_STATUS = one_of("queued", "running", "canceling", "succeeded", "failed", "canceled")
_COUNT = {"type": ["integer", "null"]}
_FILE: dict[str, Schema] = {
    "id": TEXT,
    "hash": maybe(TEXT),
    "size_bytes": SIZE,
    "content_type": TEXT,
    "url": TEXT,
    "url_expires_at": TEXT,
}
SCHEMAS: dict[str, Schema] = {
    "V2Error": record({"error": record({"code": TEXT, "message": TEXT, "details": maybe(OPEN)})}),
    "V2Submission": record(
        {
            "workflow": said(OPEN, "the graph in API format; an editor's workflow is taken too"),
            "extra_data": said(OPEN, "credentials for nodes elsewhere; not used and not kept"),
            "webhook_url": said(TEXT, "an http(s) address that gets the job's state by POST", maxLength=2000),
            "sweep": said(OPEN, "a run for each combination of these values, as in `POST /prompt`"),
        },
        optional="extra_data webhook_url sweep",
    ),
    "V2Progress": record(
        {
            "value": NUMBER | {"minimum": 0, "maximum": 1},
            "nodes_done": WHOLE,
            "nodes_total": WHOLE,
            "current_node": maybe(TEXT),
            "current_node_class": maybe(TEXT),
            "step": _COUNT,
            "steps": _COUNT,
            "message": maybe(TEXT),
        }
    ),
    "V2Output": record(
        _FILE
        | {"node_id": TEXT, "name": TEXT, "job_id": TEXT}
        | {"type": one_of("image", "video", "audio", "text", "file", "latent")}
    ),
    "V2Job": record(
        {
            "id": TEXT,
            "status": _STATUS,
            "queue_position": _COUNT,
            "created_at": TEXT,
            "started_at": maybe(TEXT),
            "completed_at": maybe(TEXT),
            "expires_at": TEXT,
            "progress": maybe(ref("V2Progress")),
            "outputs": array(ref("V2Output")),
            "error": maybe(
                record(
                    {"code": TEXT, "message": TEXT}
                    | {name: maybe(TEXT) for name in ("node_id", "class_type", "traceback")}
                )
            ),
            "metrics": mapping(_COUNT, "milliseconds"),
            "urls": record({"self": TEXT, "events": TEXT, "cancel": TEXT}),
        }
    ),
    "V2Workflow": record({"format": one_of("save", "api"), "workflow": OPEN}),
    "V2Asset": record(_FILE | {"file_path": TEXT, "created_at": TEXT, "expires_at": maybe(TEXT)}),
}
