"""Our jobs and problems in the words of the standard's API. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from executor.jobs import Job, State

Problem = Mapping[str, Any]  # executor.bind.Problem as a dict

LONGEST = 500  # characters of a text in an error
MENU = 20  # values of a menu in an error; longer ones are left out
NODES = 1_000  # of which errors are told
ERRORS = 50  # of one node
TITLES = {
    "required_input_missing": "A required input is missing",
    "bad_linked_input": "A link is not [node id, output number] of a node of the graph",
    "return_type_mismatch": "Two nodes of different types are linked",
    "invalid_input_type": "A value has the wrong type",
    "value_smaller_than_min": "A value is smaller than the least",
    "value_bigger_than_max": "A value is bigger than the most",
    "value_not_in_list": "A value is not in its list",
    "custom_validation_failed": "The node does not take its inputs",
    "exception_during_validation": "The node could not check its inputs",
    "dependency_cycle": "The nodes feed each other in a circle",
    "invalid_prompt": "The node cannot be run",
}
STATUS: dict[State, str] = {
    "pending": "pending",
    "running": "in_progress",
    "success": "completed",
    "error": "failed",
    "cancelled": "cancelled",
}


def text(value: Any) -> str:
    """JSON that every client can read: what is no number (old workflows hold NaN) is null."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def brief(value: Any, longest: int = LONGEST) -> str:
    """A text that is not too long to show."""
    shown = value if isinstance(value, str) else text(value)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


# --- the queue and the history -----------------------------------------------------------------


def number(value: float) -> int | float:
    """A place in the queue as the standard writes it: whole where it can be."""
    return int(value) if float(value).is_integer() else value


def queue_item(job: Job) -> list[Any]:
    """`[number, prompt_id, prompt, extra_data, outputs_to_execute]`."""
    extra = dict(job.extra) | ({"client_id": job.client_id} if job.client_id is not None else {})
    return [number(job.number), job.id, job.graph, extra, list(job.targets)]


def history_entry(job: Job) -> dict[str, Any]:
    """A finished job."""
    return {
        "prompt": queue_item(job),
        "outputs": job.outputs,
        "status": execution_status(job),
        "meta": execution_meta(job),
    }


def execution_status(job: Job) -> dict[str, Any]:
    """The `status` of a history entry: how it ended, and the messages that told of it."""
    ok = job.state == "success"
    messages = [list(message) for message in job.messages]
    return {"status_str": "success" if ok else "error", "completed": ok, "messages": messages}


def execution_meta(job: Job) -> dict[str, Any]:
    return {id: node_place(id, job.graph) for id in job.outputs}


def node_place(id: str, graph: Mapping[str, Any]) -> dict[str, Any]:
    """Which node of the editor stands for a node that ran: itself, or the one that returned it as part of a graph."""
    shown = id
    while shown not in graph and "." in shown:
        shown = shown.rpartition(".")[0]
    parent = None if shown == id else shown
    return {"node_id": id, "display_node": shown, "parent_node": parent, "real_node_id": shown}


# --- outputs -----------------------------------------------------------------------------------


def view_url(file: Mapping[str, Any]) -> str:
    """Where a saved file is shown, from the root of the server."""
    wanted = {name: str(file.get(name) or "") for name in ("filename", "subfolder", "type")}
    return f"/view?{urlencode(wanted)}"


def files(outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every file of the outputs, with its node, its kind and its URL."""
    return [
        {**item, "node": node, "kind": kind, "url": view_url(item)}
        for node, shown in outputs.items()
        if isinstance(shown, Mapping)
        for kind, items in shown.items()
        if isinstance(items, Sequence) and not isinstance(items, str)
        for item in items
        if isinstance(item, Mapping) and isinstance(item.get("filename"), str)
    ]


def preview_output(found: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The file that stands for a job: the first saved one, else the first."""
    saved = [file for file in found if file.get("type") == "output"]
    first = next(iter(saved or found), None)
    return None if first is None else {**first, "nodeId": first["node"], "mediaType": first["kind"]}


# --- problems ----------------------------------------------------------------------------------


def node_errors(
    problems: Iterable[Problem], dependents: Mapping[str, Sequence[str]], graph: Mapping[str, Any]
) -> dict[str, Any]:
    """The errors at nodes; warnings are none of them."""
    found: dict[str, Any] = {}
    for problem in problems:
        id = brief(problem["node"], 100)
        if problem["severity"] != "error" or not id or (id not in found and len(found) == NODES):
            continue
        if id not in found:
            spoiled = [brief(output, 100) for output in dependents.get(problem["node"], ())]
            class_type = brief(problem["type"], 100)
            found[id] = {"errors": [], "dependent_outputs": spoiled, "class_type": class_type}
        if len(found[id]["errors"]) < ERRORS:
            found[id]["errors"].append(_error(problem, graph))
    return found


def _error(problem: Problem, graph: Mapping[str, Any]) -> dict[str, Any]:
    kind, accepted, got = problem["kind"], problem.get("accepted"), problem.get("got")
    extra: dict[str, Any] = {}
    if problem["input"]:
        extra = {"input_name": brief(problem["input"], 100), "input_config": _input_config(kind, accepted)}
    if kind == "return_type_mismatch":
        extra |= {"received_type": brief(got), "linked_node": _link(problem, graph)}
    elif problem["input"]:
        extra["received_value"] = got if isinstance(got, int | float | None) else brief(got)
    if kind.startswith("exception_"):
        extra |= {"exception_message": brief(problem["message"]), "exception_type": "Exception", "traceback": []}
    message = TITLES.get(kind, kind.replace("_", " ").capitalize())
    return {"type": kind, "message": message, "details": brief(problem["message"]), "extra_info": extra}


def _input_config(kind: str, accepted: Any) -> list[Any] | None:
    """What the input takes, as far as the problem tells; None if that is too much to send."""
    if isinstance(accepted, Mapping):
        return ["INT" if all(isinstance(n, int) for n in accepted.values()) else "FLOAT", dict(accepted)]
    if isinstance(accepted, list | tuple):
        return [list(accepted), {}] if len(accepted) <= MENU and len(text(accepted)) <= 2_000 else None
    return [accepted, {}] if isinstance(accepted, str) else None


def _link(problem: Problem, graph: Mapping[str, Any]) -> Any:
    node = graph.get(problem["node"])
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    return inputs.get(problem["input"]) if isinstance(inputs, Mapping) else None


def refusal(problems: Sequence[Problem], graph: Mapping[str, Any]) -> dict[str, Any]:
    """The `error` of a prompt of which nothing can run."""
    errors = [p for p in problems if p["severity"] == "error"]
    of_kind = {kind: [p for p in errors if p["kind"] == kind] for kind in ("invalid_prompt", "prompt_no_outputs")}
    for kind, found in of_kind.items():
        if found:
            first = found[0]
            return _whole(kind, brief(first["message"]), _where(first), _titled(first, graph))
    details = "\n".join(brief(f"{_where(p)}: {p['message']}") for p in errors[:10])
    if len(errors) > 10:
        details += f"\nand {len(errors) - 10} more"
    return _whole("prompt_outputs_failed_validation", "No output of the prompt can be made", details, {})


def _whole(type: str, message: str, details: str, extra: dict[str, Any]) -> dict[str, Any]:
    return {"type": type, "message": message, "details": details, "extra_info": extra}


def _where(problem: Problem) -> str:
    type_ = f"({brief(problem['type'], 100)})" if problem["type"] else ""
    return " ".join(part for part in (brief(problem["node"], 100), type_, brief(problem["input"], 100)) if part)


def _titled(problem: Problem, graph: Mapping[str, Any]) -> dict[str, Any]:
    """Which node the whole prompt failed at."""
    node = graph.get(problem["node"])
    if not problem["node"] or not isinstance(node, Mapping):
        return {}
    meta = node.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    class_type = brief(problem["type"], 100)
    shown = brief(title, 100) if isinstance(title, str) else class_type
    return {"node_id": brief(problem["node"], 100), "class_type": class_type, "node_title": shown}
