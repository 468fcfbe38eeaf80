"""The shapes of requests and answers, as JSON Schema 2020-12 for the OpenAPI document."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
YES: Schema = {"type": "boolean"}
ANY: Schema = {}
OPEN: Schema = {"type": "object"}
WEB_ADDRESS: Schema = {"type": "string", "pattern": "^https?://[!-~]+$", "maxLength": 2000}
SIZE: Schema = {"type": "integer", "minimum": 0, "description": "bytes"}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def tuple_of(*items: Schema) -> Schema:
    return {"type": "array", "prefixItems": list(items), "minItems": len(items), "maxItems": len(items)}


def mapping(values: Schema, text: str = "") -> Schema:
    return {"type": "object", "additionalProperties": values} | ({"description": text} if text else {})


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    if list(schema) == ["type"]:
        return {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def said(schema: Schema, text: str, **more: Any) -> Schema:
    """The schema with a description."""
    return {**schema, "description": text, **more}


def record(properties: dict[str, Schema], text: str = "", *, optional: str = "", **more: Any) -> Schema:
    """An object that has all these properties, but for the optional ones, and may have others."""
    left_out = optional.split()
    required = [name for name in properties if name not in left_out]
    known: Schema = {"type": "object", "properties": properties} | ({"required": required} if required else {})
    return known | ({"description": text} if text else {}) | more


GRAPH_EXAMPLE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 16711680}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "red"}},
}
_ERROR = record({"type": TEXT, "message": TEXT, "details": TEXT, "extra_info": OPEN})
_STATES = ("pending", "in_progress", "completed", "failed", "cancelled")
_TIME = said({"type": ["integer", "null"]}, "milliseconds since 1970")
_JOB_BASICS: dict[str, Schema] = {
    "id": TEXT,
    "status": one_of(*_STATES),
    "create_time": _TIME,
    "update_time": _TIME,
    "execution_start_time": _TIME,
    "execution_end_time": _TIME,
    "execution_error": maybe(ref("ExecutionError")),
    "priority": said(NUMBER, "its number in the queue; the lowest runs first"),
    "client_id": maybe(TEXT),
    "links": record({"self": TEXT, "events": TEXT, "cancel": TEXT}, "paths, from the root of the server"),
    "preview_output": maybe(ref("OutputFile")),
    "outputs_count": WHOLE,
    "workflow_id": maybe(TEXT),
    "name": said(maybe(TEXT), "of its workflow: `extra_data.workflow_name` of the submission"),
    "position": said({"type": ["integer", "null"]}, "place among the waiting jobs, 0 for the next"),
}
_SUBMISSION: dict[str, Schema] = {
    "prompt": said(ref("Graph"), "the graph; an editor's workflow is taken too"),
    "prompt_id": said(TEXT, "the job's id, if you want to choose it", pattern="^[A-Za-z0-9_-]{1,64}$"),
    "client_id": said(TEXT, "the WebSocket client that is told of the job", maxLength=256),
    "extra_data": said(OPEN, "`extra_pnginfo.workflow` is saved in the pictures"),
    "partial_execution_targets": said(array({"type": ["string", "integer"]}), "run these outputs, or to these nodes"),
    "front": said(YES, "before all that wait"),
    "number": said(NUMBER, "place in the queue: the lowest runs first"),
    "force": said(YES, "compute everything again, whatever the cache holds"),
    "preview": said(one_of("auto", "latent2rgb", "taesd", "none"), "pictures while sampling"),
    "webhook": said(WEB_ADDRESS, "gets the job's state by POST when it is over"),
    "sweep": said(OPEN, 'a run for each value: `{"5.seed": [1, 2, 3], "5.cfg": "4..8"}`; all combinations'),
}

SCHEMAS: dict[str, Schema] = {
    "Error": record({"error": _ERROR, "node_errors": ref("NodeErrors")}, "what is wrong, and what to do about it"),
    "NodeErrors": mapping(
        record({"errors": array(_ERROR), "dependent_outputs": array(TEXT), "class_type": TEXT}),
        "the problems of each node that has any, and which outputs they spoil",
    ),
    "Graph": mapping(
        record({"class_type": TEXT, "inputs": OPEN, "_meta": OPEN}, optional="inputs _meta"),
        "the standard's API format: nodes by id; an input is a value or a link `[node id, output number]`",
    )
    | {"examples": [GRAPH_EXAMPLE]},
    "Workflow": record({"nodes": array(OPEN), "links": array(ANY)}, "the editor's file", optional="links"),
    "Submission": record(
        _SUBMISSION,
        "a graph, and how to run it",
        optional=" ".join(set(_SUBMISSION) - {"prompt"}),
        examples=[{"prompt": GRAPH_EXAMPLE, "client_id": "me"}],
    ),
    "Accepted": record(
        {
            "prompt_id": said(TEXT, "the job's id"),
            "number": NUMBER,
            "node_errors": ref("NodeErrors"),
            "notes": said(array(TEXT), "what was put right, and what to look at"),
        },
        optional="notes",
    ),
    "Remaining": record({"exec_info": record({"queue_remaining": said(WHOLE, "jobs that wait or run")})}),
    "QueueItem": said(tuple_of(NUMBER, TEXT, OPEN, OPEN, array(TEXT)), "number, id, graph, extra_data, output nodes"),
    "Queue": record(
        {"queue_running": array(ref("QueueItem")), "queue_pending": array(ref("QueueItem")), "paused": YES}
    ),
    "QueueChange": record(
        {
            "clear": said(YES, "take all waiting jobs away"),
            "delete": said(array(TEXT), "take these waiting jobs away"),
            "pause": said(YES, "start no more jobs, or go on; lasts over a restart"),
            "move": record({"prompt_id": TEXT, "position": WHOLE | {"minimum": 0}}, "put a waiting job there"),
        },
        optional="clear delete pause move",
        examples=[{"delete": ["some-job"]}, {"pause": False}],
    ),
    "Forgetting": record(
        {"clear": said(YES, "forget all"), "delete": said(array(TEXT), "forget these")},
        "finished jobs; their pictures stay",
        optional="clear delete",
        examples=[{"delete": ["some-job"]}],
    ),
    "ExecutionStatus": record(
        {
            "status_str": one_of("success", "error"),
            "completed": YES,
            "messages": array(tuple_of(TEXT, OPEN)),
        }
    ),
    "Places": mapping(
        record({"node_id": TEXT, "display_node": TEXT, "parent_node": maybe(TEXT), "real_node_id": TEXT}),
        "which node of the editor stands for each node",
    ),
    "HistoryEntry": record(
        {"prompt": ref("QueueItem"), "outputs": OPEN, "status": ref("ExecutionStatus"), "meta": ref("Places")}
    ),
    "History": mapping(ref("HistoryEntry"), "finished jobs by id, the oldest first"),
    "ExecutionError": record(
        {
            "node_id": TEXT,
            "node_type": TEXT,
            "exception_message": TEXT,
            "exception_type": TEXT,
            "traceback": array(TEXT),
            "current_inputs": ANY,
            "current_outputs": ANY,
        }
    ),
    "OutputFile": record(
        {
            "filename": TEXT,
            "subfolder": TEXT,
            "type": one_of("output", "temp", "input"),
            "node": TEXT,
            "kind": said(TEXT, "images, audio, ..."),
            "url": said(TEXT, "from the root of the server"),
        },
        optional="subfolder type",
    ),
    "Progress": record(
        {
            "overall": NUMBER | {"minimum": 0, "maximum": 1},
            "nodes": mapping(
                record(
                    {
                        "state": one_of("running", "finished", "error"),
                        "value": NUMBER,
                        "max": NUMBER,
                        "seconds": maybe(NUMBER),
                        "cached": YES,
                    },
                    optional="seconds cached",
                )
            ),
        }
    ),
    "JobItem": record(_JOB_BASICS),
    "Job": record(
        _JOB_BASICS
        | {
            "workflow": record({"prompt": OPEN, "extra_data": OPEN}),
            "outputs": mapping(OPEN, "what each node shows"),
            "execution_status": maybe(ref("ExecutionStatus")),
            "execution_meta": ref("Places"),
            "files": array(ref("OutputFile")),
            "seconds": said(mapping(NUMBER), "how long each node took, by its id"),
            "cached": said(array(TEXT), "the outputs that were there already"),
            "crashes": said(WHOLE, "how often the worker process died while it ran this"),
            "node_errors": ref("NodeErrors"),
            "runs": said(array(ref("SweepRun")), "of a sweep, those that are over"),
            "progress": maybe(ref("Progress")),
            "error": maybe(TEXT),
        }
    ),
    "SweepRun": record(
        {"run": WHOLE, "total": WHOLE, "label": TEXT, "values": OPEN, "ok": YES, "outputs": mapping(OPEN)}
    ),
    "JobPage": record(
        {
            "jobs": array(ref("JobItem")),
            "pagination": record({"offset": WHOLE, "limit": WHOLE, "total": WHOLE, "has_more": YES}),
            "paused": YES,
        }
    ),
    "Event": record(
        {
            "event": TEXT,
            "data": {"type": "string", "contentMediaType": "application/json"},
            "id": TEXT,
            "retry": said(WHOLE, "milliseconds to wait before coming back"),
        },
        "one server-sent event",
        optional="id retry",
    ),
    "Conversion": record(
        {"form": one_of("api", "workflow"), "result": OPEN, "notes": array(TEXT)},
        "the same workflow in the other form, and what could not be carried over as it is",
    ),
    "StoredFile": record({"name": TEXT, "subfolder": TEXT, "type": one_of("input", "output", "temp")}),
    "NodeInfo": record(
        {
            "input": mapping(mapping(ANY), "required, optional and hidden inputs: `[type or choices, options]`"),
            "input_order": mapping(array(TEXT)),
            "output": array(ANY),
            "output_is_list": array(YES),
            "output_name": array(TEXT),
            "name": TEXT,
            "display_name": maybe(TEXT),
            "description": TEXT,
            "python_module": TEXT,
            "category": TEXT,
            "output_node": YES,
        }
    ),
    "Features": record({"supports_preview_metadata": YES, "max_upload_size": SIZE}),
    "SystemStats": record(
        {
            "system": record(
                {"os": TEXT, "ram_total": SIZE, "ram_free": SIZE, "comfyui_version": TEXT, "python_version": TEXT}
                | {"pytorch_version": said(TEXT, "empty until the first model is used"), "argv": array(TEXT)}
            ),
            "devices": array(
                record(
                    {"name": TEXT, "type": TEXT, "index": maybe(WHOLE), "vram_total": SIZE, "vram_free": SIZE}
                    | {"torch_vram_total": SIZE, "torch_vram_free": SIZE}
                )
            ),
        }
    ),
    "ModelFile": record({"name": TEXT, "pathIndex": WHOLE, "modified": NUMBER, "created": NUMBER, "size": SIZE}),
    "UserFile": record({"path": TEXT, "size": SIZE, "modified": NUMBER, "created": NUMBER}),
    "UserItem": record(
        {"name": TEXT, "type": one_of("file", "directory"), "path": TEXT}
        | {"size": SIZE, "modified": NUMBER, "created": NUMBER},
        optional="size modified created",
    ),
    "LogLines": record(
        {
            "entries": array(record({"t": said(TEXT, "time"), "m": said(TEXT, "message")})),
            "size": record({"cols": WHOLE, "rows": WHOLE}),
        }
    ),
    "Upload": record(
        {
            "image": {"type": "string", "contentMediaType": "application/octet-stream"},
            "type": one_of("input", "output", "temp"),
            "subfolder": TEXT,
            "overwrite": said(one_of("true", "false"), "else a taken name gets a number"),
        },
        optional="type subfolder overwrite",
    ),
}
