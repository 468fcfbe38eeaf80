"""The worker's events in the messages of the standard's WebSocket. Pure.

Nodes of a graph that a node returned have ids behind its own (`5.1`) and are shown at the outermost one, the
`display_node`; ids with `:` are nodes inside subgraphs, and those show themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from web.stream.live import Live

Message = tuple[str, dict[str, Any]]
Hide = Callable[[str], str]  # takes the paths out of a text

PROJECT = Path(__file__).resolve().parents[2]
SHOWN_INPUT = 1_000  # characters of a value in an error
LONGEST = 10_000  # characters of a message in an error, and of a part of its traceback
LINES = 100  # parts of a traceback, the last ones
OTHERS = 20  # further failures that an error names
LONGEST_PATH = 4_000


def status(remaining: int) -> Message:
    """How many jobs wait or run."""
    return "status", {"status": {"exec_info": {"queue_remaining": remaining}}}


def execution_start(job: str, now: float) -> Message:
    return "execution_start", {"prompt_id": job, "timestamp": _milliseconds(now)}


def execution_cached(job: str, nodes: Iterable[str], now: float) -> Message:
    return "execution_cached", {"nodes": list(nodes), "prompt_id": job, "timestamp": _milliseconds(now)}


def execution_success(job: str, now: float) -> Message:
    return "execution_success", {"prompt_id": job, "timestamp": _milliseconds(now)}


def executing(live: Live, id: str) -> Message:
    return "executing", {"node": id, "display_node": live.display(id), "prompt_id": live.job.id}


def over(job: str) -> Message:
    """The last message of a job."""
    return "executing", {"node": None, "prompt_id": job}


def progress(job: str, node: str, value: float, most: float) -> Message:
    return "progress", {"value": value, "max": most, "prompt_id": job, "node": node}


def progress_state(live: Live, ids: Iterable[str]) -> Message:
    """The state of some nodes that no longer wait."""
    return "progress_state", {"prompt_id": live.job.id, "nodes": {id: _node_state(live, id) for id in ids}}


def _node_state(live: Live, id: str) -> dict[str, Any]:
    node = live.nodes[id]
    return {"value": node.value, "max": node.max, "state": node.state, **place(live, id)}


def place(live: Live, id: str) -> dict[str, Any]:
    """Which node it is, and which stands for it: in progress_state and beside a preview."""
    shown = live.display(id)
    return {
        "node_id": id,
        "prompt_id": live.job.id,
        "display_node_id": shown,
        "parent_node_id": live.parent(id),
        "real_node_id": shown,
    }


def executed(live: Live, id: str, ui: Mapping[str, Any]) -> Message:
    return "executed", {"node": id, "display_node": live.display(id), "output": ui, "prompt_id": live.job.id}


def execution_interrupted(live: Live, now: float) -> Message:
    id = live.current() or ""
    data = {"prompt_id": live.job.id, "node_id": id, "node_type": live.nodes[id].type if id else ""}
    return "execution_interrupted", {**data, "executed": _executed(live), "timestamp": _milliseconds(now)}


def execution_error(live: Live, failure: Mapping[str, Any], now: float, hide: Hide) -> Message:
    """Why a job failed. failure: an event node_failed, or what `fault` made of something else."""
    done = _executed(live)
    others = [f for f in live.failures if f["node"] != failure["node"]]
    more = {"also_failed": [_brief(f, hide) for f in others[:OTHERS]]} if others else {}
    data = node_error(live, failure, now, hide) | {"executed": done, "current_outputs": done}
    return "execution_error", data | more | failure.get("more", {})


def node_error(live: Live, failure: Mapping[str, Any], now: float, hide: Hide) -> dict[str, Any]:
    """What a node raised, in the words of execution_error, without what grows with the graph."""
    id = failure["node"]
    shown = live.display(id)  # the client knows no other
    data = {
        "prompt_id": live.job.id,
        "node_id": shown,
        "node_type": failure["type"] if shown == id else live.type(shown),
        "exception_message": hide(failure["message"][:LONGEST]),
        "exception_type": failure["error"],
        "traceback": [hide(line[:LONGEST]) for line in failure["traceback"][-LINES:]],
        "current_inputs": {name: [hide(text)[:SHOWN_INPUT]] for name, text in failure["inputs"].items()},
        "timestamp": _milliseconds(now),
    }
    return data | ({"inner_node_id": id, "inner_node_type": failure["type"]} if shown != id else {})


def _brief(failure: Mapping[str, Any], hide: Hide) -> dict[str, Any]:
    names = {"node_id": "node", "node_type": "type", "exception_type": "error"}
    text = hide(failure["message"][:SHOWN_INPUT])
    return {name: failure[own] for name, own in names.items()} | {"exception_message": text}


def fault(live: Live, kind: str, message: str, **more: Any) -> dict[str, Any]:
    """What ended a job though no node failed, in the form of node_failed; it is put down to the node that ran."""
    id = live.current() or ""
    type = live.nodes[id].type if id else ""
    return {"node": id, "type": type, "error": kind, "message": message, "traceback": (), "inputs": {}, "more": more}


def _executed(live: Live) -> list[str]:
    return [id for id, node in live.nodes.items() if node.state == "finished"]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


# --- paths: people are told of files by where they lie in the base folder, never where that is ---

_QUOTED = re.compile(r"(?<=[\"'])(?:[A-Za-z]:[\\/]|[\\/])[^\"'\n]*(?=[\"'])")
_BARE = re.compile(r"(?<![\w/\\:.~%-])(?:[A-Za-z]:[\\/]|/|\\\\)[^\s\"'<>|:;,()\[\]]*")
_LIBRARY = re.compile(r".*[\\/](?:site-packages|dist-packages|[Ll]ib[\\/]python3\.\d+|[Ll]ib)[\\/]")


def hiding(*roots: Path) -> Hide:
    """What takes the folders out of a text: those below the roots, the project and packages are relative, others go."""
    known = {str(path): None for root in (*roots, PROJECT) for path in (root, root.resolve())}
    longest = sorted((k for k in known if len(k) > 1), key=len, reverse=True)
    own = re.compile("(?:" + "|".join(map(re.escape, longest)) + r")(?:[\\/]|(?![\w.-]))")

    def hide(text: str) -> str:
        if "/" not in text and "\\" not in text:
            return text
        text = own.sub(lambda found: "" if found[0][-1] in "/\\" else ".", text.replace("file:///", "/"))
        return _BARE.sub(_shortened, _QUOTED.sub(_shortened, text))

    return hide


def _shortened(path: re.Match[str]) -> str:
    """The part of a path that tells no folder of the machine."""
    text = path[0][-LONGEST_PATH:]
    inside = _LIBRARY.match(text)
    return text[inside.end() :] if inside else re.split(r"[\\/]", text.rstrip("\\/"))[-1] or text[:1]
