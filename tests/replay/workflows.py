"""Replays pairs of an editor workflow and the API graph that the standard's editor made of it."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from executor.workflow.document import load
from executor.workflow.flatten import to_api
from executor.workflow.lenient import WorkflowError

ARCHIVE = Path(__file__).parent.parent / "data" / "conformance.tar.xz"


def replay(data: Any, folder: Path) -> Iterator[tuple[str, str | None]]:
    """data: the parsed index.json, a list of names, or None for every pair in the folder."""
    nodes = object_info(folder)
    for name in names(data, folder):
        yield name, compare(folder, name, nodes)


def names(data: Any, folder: Path) -> list[str]:
    if data is None:
        return sorted(p.name.removesuffix(".api.json") for p in folder.glob("*.api.json"))
    listed = data["pairs"] if isinstance(data, Mapping) else data
    return [p["name"] if isinstance(p, Mapping) else p for p in listed]


def object_info(folder: Path) -> dict[str, Any]:
    """The node types: those of the folder or the one above it, else the recorded ones."""
    for path in (folder / "object_info.json", folder.parent / "object_info.json"):
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
    with tarfile.open(ARCHIVE) as archive:
        member = archive.extractfile("object_info.json")
        return json.load(member) if member else {}


def compare(folder: Path, name: str, nodes: Mapping[str, Any]) -> str | None:
    workflow = load(folder / f"{name}.workflow.json").workflow
    want = bare(json.loads((folder / f"{name}.api.json").read_text(encoding="utf-8")))
    if workflow is None:
        return "not read as an editor workflow"
    try:
        return first_difference(bare(to_api(workflow, nodes)), want)
    except WorkflowError as error:
        return f"error: {error}"


def bare(graph: Mapping[str, Any]) -> dict[str, Any]:
    return {id: {"class_type": n["class_type"], "inputs": n["inputs"]} for id, n in graph.items()}


def first_difference(got: dict[str, Any], want: dict[str, Any]) -> str | None:
    """The first difference and how many nodes differ; None if equal."""
    wrong = [id for id in sorted(got.keys() | want.keys()) if not same(got.get(id), want.get(id))]
    if not wrong:
        return None
    id = wrong[0]
    if id not in got or id not in want:
        return f"{len(wrong)} nodes differ: {id} is {'missing' if id in want else 'too many'}"
    a, b = got[id]["inputs"], want[id]["inputs"]
    keys = [k for k in sorted(a.keys() | b.keys()) if not same(a.get(k, ...), b.get(k, ...))] or ["class_type"]
    return (
        f"{len(wrong)} nodes differ: {id}.{keys[0]} is {a.get(keys[0], 'absent')!r}, not {b.get(keys[0], 'absent')!r}"
    )


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: 8.0 is 8, but true is not 1."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)
