"""What each route takes and answers, in words and schemas: the table that the OpenAPI document is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from web.openapi.schemas import (
    ANY,
    NUMBER,
    OPEN,
    TEXT,
    WEB_ADDRESS,
    WHOLE,
    YES,
    Schema,
    array,
    mapping,
    one_of,
    ref,
    said,
)
from web.options import PREVIEWS

JSON, BYTES, WEBP = "application/json", "application/octet-stream", "image/webp"
EVENTS, PLAIN = "text/event-stream", "text/plain"
_FILE: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}


@dataclass(frozen=True)
class Endpoint:
    """One method of one path. `answers`: content by media type; `errors`: statuses with an Error as their body."""

    tag: str
    summary: str
    query: dict[str, Schema] = field(default_factory=dict)  # an optional parameter, unless the schema has `needed`
    body: dict[str, Schema] | None = None  # by media type
    optional_body: bool = False
    status: int = 200
    answers: dict[str, Schema] | None = None  # None: the body is empty
    others: dict[int, str] = field(default_factory=dict)  # more statuses, without a body
    errors: tuple[int, ...] = ()
    text: str = ""
    id: str = ""
    header: dict[str, Schema] = field(default_factory=dict)
    open: bool = False  # needs no token
    also: dict[int, Schema] = field(default_factory=dict)  # more statuses, with JSON


def _json(schema: Schema) -> dict[str, Schema]:
    return {JSON: schema}


def _get(tag: str, summary: str, answer: Schema, *errors: int, **more: Any) -> Endpoint:
    return Endpoint(tag, summary, answers=_json(answer), errors=errors, **more)


def _post(tag: str, summary: str, body: Schema, *errors: int, **more: Any) -> Endpoint:
    return Endpoint(tag, summary, body=_json(body), errors=errors, **more)


_WHERE: dict[str, Schema] = {
    "filename": said(TEXT, "may end in ` [input]`, ` [output]` or ` [temp]`", examples=["red_00001_.png"]),
    "subfolder": TEXT,
    "type": said(one_of("input", "output", "temp"), "output if not given"),
}
_PICTURE: dict[str, Schema] = {
    "preview": said(TEXT, "`webp;90` or `jpeg;90`: smaller, in that format and quality", examples=["webp;90"]),
    "channel": said(one_of("rgba", "rgb", "a"), "only these channels, as PNG unless it is a preview"),
}
_SUBMIT: dict[str, Schema] = {
    "client_id": TEXT | {"maxLength": 256},
    "prompt_id": TEXT | {"pattern": "^[A-Za-z0-9_-]{1,64}$"},
    "force": YES,
    "front": YES,
    "preview": one_of(*PREVIEWS),
    "webhook": WEB_ADDRESS,
    "number": NUMBER,
}
_DOCUMENT: dict[str, Schema] = {
    JSON: {"anyOf": [ref("Submission"), ref("Graph"), ref("Workflow")]},
    "multipart/form-data": {"type": "object", "properties": {"file": _FILE, "extra_data": OPEN, "force": TEXT}},
    "image/png": _FILE,
    "image/webp": _FILE,
    "image/jpeg": _FILE,
}
_TO: dict[str, Schema] = {"to": said(one_of("api", "workflow"), "the form wanted; by default the other one")}
_RECURSE: dict[str, Schema] = {
    "dir": said(TEXT, "the folder, below the user's root", needed=True, examples=["workflows"]),
    "recurse": said(YES, "its folders too"),
    "split": said(YES, "each path with its parts"),
    "full_info": said(YES, "with size and times"),
}
_OVERWRITE: dict[str, Schema] = {"overwrite": said(YES, "true if not given; else 409 if it exists"), "full_info": YES}
_PATHS: Schema = {"anyOf": [array(TEXT), array(array(TEXT)), array(ref("UserFile"))]}
_PATH_OR_INFO: Schema = {"anyOf": [TEXT, ref("UserFile")]}
_FORM = {"multipart/form-data": ref("Upload")}
_MASK: Schema = {
    "allOf": [ref("Upload")],
    "properties": {"original_ref": said(TEXT, "JSON: `filename`, `subfolder` and `type` of the picture it is for")},
    "required": ["original_ref"],
}
_SENT = {206: "the part of it that `Range` asks for", 304: "it is still the one that the client has"}
_LOG_SUBSCRIPTION: Schema = {
    "type": "object",
    "properties": {"clientId": said(TEXT, "of the WebSocket"), "enabled": YES},
    "required": ["clientId"],
}
_FOLDER_ITEM: Schema = {
    "type": "object",
    "properties": {"name": TEXT, "folders": array(TEXT)},
    "required": ["name", "folders"],
}
_HEALTH: Schema = {"type": "object", "properties": {"status": TEXT, "reasons": array(TEXT)}, "required": ["status"]}

_WEBSOCKET = """Text messages are `{"type", "data"}`: `status`, `execution_start`, `execution_cached`, `executing` (with
`node` null at the end), `progress`, `progress_state`, `executed`, `execution_success`, `execution_error`,
`execution_interrupted`. Binary messages are previews: a big-endian number 1, then 1 for JPEG or 2 for PNG, then the
picture; or, for clients that sent the feature flag `supports_preview_metadata`, the number 4, the length of a JSON
text, the text, and the picture. A client that comes back with its `clientId` is told where things are."""
_STREAM = """Server-sent events: `state` first, then `status`, `cached`, `node`, `progress`, `preview`, `output`,
`warning`, `error` and at last `end`. Those that last have an id: a reader that lost the connection sends it as
`Last-Event-ID` (browsers do so by themselves) and misses none of them."""
_SUBMITTING = """The body is a graph, an editor's workflow, a picture that carries one, or an envelope of either. With
the header `Idempotency-Key`, sending the same again is the same job. One sound output is enough for the job to be
taken; `node_errors` tells what is wrong with the others."""
_FORMS = """As for POST /prompt, the body may be a graph, an editor's workflow, or a picture that carries one."""

ENDPOINTS: dict[str, Endpoint] = {
    # running
    "POST /prompt": Endpoint(
        "running", "Queue a job", _SUBMIT, _DOCUMENT, answers=_json(ref("Accepted")), errors=(400, 409, 503),
        text=_SUBMITTING, id="submit", header={"Idempotency-Key": TEXT | {"maxLength": 200}},
    ),
    "GET /prompt": _get("running", "How many jobs wait or run", ref("Remaining"), id="remaining"),
    "GET /queue": _get("running", "All jobs that wait or run, in order", ref("Queue")),
    "POST /queue": _post(
        "running", "Take jobs from the queue, move one, pause or go on", ref("QueueChange"), 400, 404,
        optional_body=True, id="change_queue",
    ),
    "POST /interrupt": _post(
        "running", "End the job that runs, or only the one named",
        {"type": "object", "properties": {"prompt_id": TEXT}, "examples": [{"prompt_id": "some-job"}]},
        optional_body=True,
    ),
    "POST /free": _post(
        "running", "Let go of models and values in memory",
        {"type": "object", "properties": {"unload_models": YES, "free_memory": YES}}, 400, 503, optional_body=True,
    ),
    "GET /ws": Endpoint(
        "running", "Follow jobs by WebSocket", {"clientId": said(TEXT, "as `client_id` of the jobs")}, status=101,
        errors=(400,), text=_WEBSOCKET, id="websocket",
    ),
    # jobs
    "GET /jobs": _get(
        "jobs", "A page of all jobs", ref("JobPage"), 400,
        query={
            "status": said(TEXT, "one or more, with commas", examples=["pending,in_progress"]),
            "client_id": TEXT, "search": said(TEXT, "words of the graph, or names of files"), "workflow_id": TEXT,
            "sort_by": one_of("create_time"), "sort_order": one_of("desc", "asc"),
            "limit": WHOLE | {"minimum": 1, "maximum": 1000}, "offset": WHOLE | {"minimum": 0},
        },
    ),
    "GET /jobs/{id}": _get("jobs", "All about one job", ref("Job"), 404, id="job"),
    "GET /jobs/{id}/events": Endpoint(
        "jobs", "Follow one job by server-sent events", {"last_event_id": WHOLE | {"minimum": 0}},
        answers={EVENTS: ref("Event")}, others={204: "the reader has seen the end"}, errors=(400, 404), text=_STREAM,
        header={"Last-Event-ID": TEXT | {"pattern": "^[0-9]{1,18}$"}}, id="job_events",
    ),
    "POST /jobs/{id}/cancel": Endpoint(
        "jobs", "End a job that waits or runs", answers=_json(ref("Job")), errors=(404,), id="cancel_job"
    ),
    "DELETE /jobs/{id}": Endpoint(
        "jobs", "Take a waiting job away, or forget a finished one", status=204, errors=(404, 409), id="delete_job"
    ),
    "GET /history": _get(
        "jobs", "Finished jobs, the oldest first", ref("History"), 400,
        query={"max_items": said(WHOLE, "the newest so many"), "offset": said(WHOLE, "or from there on")},
    ),
    "GET /history/{id}": _get("jobs", "One finished job, else nothing", ref("History"), id="past_job"),
    "POST /history": _post("jobs", "Forget finished jobs", ref("Forgetting"), 400, optional_body=True, id="forget"),
    # workflows
    "POST /convert": Endpoint(
        "workflows", "The other form of a workflow", _TO, _DOCUMENT, answers=_json(ref("Conversion")),
        errors=(400, 503), text=_FORMS, id="convert",
    ),
    "GET /convert": _get(
        "workflows", "The other form of a workflow that lies on the server", ref("Conversion"), 400, 404, 503,
        query=_TO | _WHERE | {"type": one_of("input", "output", "temp", "userdata")}, id="convert_stored",
    ),
    "GET /object_info": _get("workflows", "All nodes", mapping(ref("NodeInfo")), 503, id="nodes"),
    "GET /object_info/{name}": _get("workflows", "One node, or nothing", mapping(ref("NodeInfo")), 503, id="node"),
    # files
    "GET /view": Endpoint(
        "files", "A picture or another file", _WHERE | _PICTURE, answers={"*/*": ANY}, others=_SENT,
        errors=(400, 404, 413, 415, 416),
    ),
    "POST /upload/image": Endpoint(
        "files", "Keep a picture, sound or film", body=_FORM, answers=_json(ref("StoredFile")),
        errors=(400, 409, 415, 507), id="upload",
    ),
    "POST /upload/mask": Endpoint(
        "files", "Keep a picture with the alpha of the one that is sent", body={"multipart/form-data": _MASK},
        answers=_json(ref("StoredFile")), errors=(400, 404, 409, 415, 507), id="upload_mask",
    ),
    # models
    "GET /models": _get("models", "The kinds of models", array(TEXT), id="model_folders"),
    "GET /models/{folder}": _get("models", "The files of a kind", array(TEXT), 404, id="models"),
    "GET /embeddings": _get("models", "The names that a prompt can use after `embedding:`", array(TEXT)),
    "GET /experiment/models": _get("models", "The kinds of models, with folders", array(_FOLDER_ITEM), id="library"),
    "GET /experiment/models/{folder}": _get(
        "models", "The files of a kind with size and times", array(ref("ModelFile")), 404, id="library_folder"
    ),
    "GET /experiment/models/preview/{folder}/{index}/{name}": Endpoint(
        "models", "The picture of a model", answers={WEBP: _FILE}, errors=(404, 413, 415), id="model_preview"
    ),
    "GET /view_metadata/{folder}": _get(
        "models", "What a safetensors file says of itself", OPEN, 404, id="model_metadata",
        query={"filename": said(TEXT, "the model", needed=True)},
    ),
    # user data
    "GET /userdata": _get("user data", "The files of a folder", _PATHS, 400, 404, query=_RECURSE, id="user_files"),
    "GET /v2/userdata": _get(
        "user data", "The files and folders of a folder", array(ref("UserItem")), 400, 404, query={"path": TEXT},
        id="user_folder",
    ),
    "GET /userdata/{file}": Endpoint(
        "user data", "A file", answers={"*/*": ANY}, others=_SENT, errors=(400, 404, 416), id="user_file",
        text="`file` is the path, its slashes written as `%2F`.",
    ),
    "POST /userdata/{file}": Endpoint(
        "user data", "Keep a file", _OVERWRITE, {"*/*": _FILE}, answers=_json(_PATH_OR_INFO),
        errors=(400, 409, 507), id="save_user_file", optional_body=True,
    ),
    "DELETE /userdata/{file}": Endpoint(
        "user data", "Delete a file", status=204, errors=(400, 404), id="delete_user_file"
    ),
    "POST /userdata/{file}/move/{dest}": Endpoint(
        "user data", "Give a file another path", _OVERWRITE, answers=_json(_PATH_OR_INFO),
        errors=(400, 404, 409, 507), id="move_user_file",
    ),
    "GET /settings": _get("user data", "All settings", OPEN),
    "POST /settings": _post("user data", "Set those that are sent", OPEN, 400, 507, id="change_settings"),
    "GET /settings/{id}": _get("user data", "One setting; null if it was never set", ANY, id="setting"),
    "POST /settings/{id}": _post("user data", "Set one", ANY, 400, 507, id="change_setting"),
    "GET /users": _get("user data", "That there is one user", OPEN),
    "POST /users": _post("user data", "Refused: there is one user", OPEN, id="add_user", status=400),
    # the server
    "GET /features": _get("server", "What clients may use", ref("Features")),
    "GET /system_stats": _get("server", "Memory, versions and devices", ref("SystemStats")),
    "GET /healthz": _get("server", "The process is up", _HEALTH, open=True),
    "GET /readyz": _get("server", "Jobs can be run, or (503) why not", _HEALTH, open=True, also={503: _HEALTH}),
    "GET /metrics": Endpoint("server", "Numbers for Prometheus", answers={PLAIN: TEXT}),
    "GET /openapi.json": _get("server", "This document", OPEN, id="openapi"),
    # for the standard's own front end
    "GET /extensions": _get("front end", "Scripts of node packs: none", array(TEXT)),
    "GET /workflow_templates": _get("server", "The names of ready workflows", mapping(array(TEXT))),
    "GET /workflow_templates/{pack}/{file}": Endpoint(
        "server", "A ready workflow (NAME.json) or what it makes (NAME.webp)",
        answers={JSON: ANY, "image/webp": ANY}, others=_SENT, errors=(404, 416), id="template",
    ),
    "GET /global_subgraphs": _get("front end", "Subgraphs of node packs: none", OPEN),
    "GET /i18n": _get("front end", "Texts of node packs: none", OPEN),
    "GET /internal/logs": _get("front end", "The newest lines of the log as one text", TEXT, id="logs"),
    "GET /internal/logs/raw": _get("front end", "The newest lines of the log", ref("LogLines"), id="log_lines"),
    "PATCH /internal/logs/subscribe": _post(
        "front end", "Send the lines of the log to a WebSocket, or no longer", _LOG_SUBSCRIPTION, 400, id="follow_logs"
    ),
    "GET /internal/folder_paths": _get("front end", "The folders of models", mapping(array(TEXT)), id="folder_paths"),
    "GET /internal/files/{type}": _get("front end", "Names of files, the newest first", array(TEXT), 400, id="files"),
    "GET /{path}": Endpoint(
        "front end", "The page, and its files", answers={"*/*": ANY}, others=_SENT, errors=(404, 416), id="page"
    ),
}  # fmt: skip
