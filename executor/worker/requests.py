"""What the web process asks of the worker, but for running: an answer follows from the request and the folders."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

import networkx as nx

from executor import devices, recorded
from executor.bind import Problem
from executor.cache import Cache
from executor.check import check, outputs, sound
from executor.describe import Descriptions, describe
from executor.files import Files
from executor.graph import Graph, GraphError, read
from executor.hashes import Hashes
from executor.node import Folder, NodeSpec
from executor.sweep import Sweep, SweepError, sweep
from executor.workflow.document import Document, WorkflowError, load, of

MANY = 100  # of the choices of a menu, or of the outputs that a node spoils: no more of them are told


class Refused(Exception):
    """A request that cannot be granted; `kind` is for programs, the text for people."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Site:
    """What the worker answers from."""

    files: Files
    specs: Mapping[str, NodeSpec]
    cache: Cache
    salt: str = ""


def answer(site: Site, request: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    """The reply to a request. Raises Refused."""
    handler = HANDLERS.get(str(request.get("do")))
    if handler is None:
        raise Refused("request", f"the worker knows no request {request.get('do')!r}")
    try:
        return handler(site, request, payload)
    except (WorkflowError, GraphError, SweepError) as error:
        raise Refused("document", str(error)) from None


# --- documents -----------------------------------------------------------------------------------


def _document(request: Mapping[str, Any], payload: bytes) -> Document:
    name = str(request.get("name") or "the document")
    document = request.get("document")
    return load(payload, name) if document is None else of(document, name)


def _prepare(site: Site, request: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    """What would run of a document, and all that is wrong with it."""
    document = _document(request, payload)
    flat = recorded.graph(document, site.specs, site.files, _hashes(site))
    graph, swept = read(flat.graph), swept_by(request, flat.graph, site)
    runs = read(swept.graph) if swept else graph
    found = check(runs, site.specs, site.files)
    found = swept.problems(found) if swept else found
    ends = outputs(graph, site.specs)
    if request.get("targets") is not None:
        ends, found = _only(graph, ends, request["targets"], found)
    able = sound(graph, found, ends)
    if swept and ends:
        swept.targets(ends)
        able = able if able == ends else []  # a value that does not fit is told before any of the runs begins
    can = set(able)
    wrong = {p.node for p in found if p.severity == "error" and p.node}
    return {
        "graph": None if flat.graph is request.get("document") else flat.graph,
        "workflow": document.workflow,
        "notes": flat.notes,
        "problems": [_told(p) for p in found],
        "targets": able,
        "unsound": [id for id in ends if id not in can],
        "dependents": spoilt(graph, wrong, ends) if wrong else {},
        **({"sweep": swept.asked, "size": len(runs.nodes)} if swept else {}),
    }


def swept_by(request: Mapping[str, Any], graph: Mapping[str, Any], site: Site) -> Sweep | None:
    """The runs of a graph that a request asks for, if it asks for several. Raises SweepError."""
    asked = request.get("sweep")
    return None if asked is None else sweep(graph, asked, site.specs, site.files)


def _only(
    graph: Graph, ends: Sequence[str], targets: Iterable[Any], problems: Sequence[Problem]
) -> tuple[list[str], list[Problem]]:
    """The outputs among the targets, and the problems, those as warnings that none of these meets.

    Where no target is an output, the nodes themselves are computed: an editor runs to a node so that what stands
    before it is there, and its outputs are cached.
    """
    asked = dict.fromkeys(str(target) for target in targets)
    wanted = [id for id in ends if id in asked] or [id for id in asked if id in graph.nodes]
    needed = graph.needed(wanted)
    found = [p if p.node in needed or not p.node else replace(p, severity="warning") for p in problems]
    if not wanted and not any(p.kind == "prompt_no_outputs" for p in found):
        message = f"none of the nodes asked for ({', '.join([*asked][:8])}) is in the graph"
        found.append(Problem("", "", "", "prompt_no_outputs", message, [*asked][:MANY], list(ends)))
    return wanted, found


def _told(problem: Problem) -> dict[str, Any]:
    """A problem as JSON, without what would make it huge."""
    cut = {name: _cut(value) for name in ("got", "accepted") if (value := getattr(problem, name)) is not None}
    return {**vars(problem), **cut}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[: MANY * 10]
    return cast("list[Any]", value)[:MANY] if isinstance(value, list) else value


def spoilt(graph: Graph, wrong: Iterable[str], ends: Sequence[str]) -> dict[str, list[str]]:
    """For each of the nodes that are wrong, which outputs depend on it (the first hundred)."""
    knots = nx.condensation(graph.flow)  # nodes that feed each other count as one
    knot: Mapping[str, int] = knots.graph["mapping"]
    reached: dict[int, int] = dict.fromkeys(knots, 0)  # the outputs behind a knot, a bit each
    for i, end in enumerate(ends):
        reached[knot[end]] |= 1 << i
    for number in reversed(list(nx.topological_sort(knots))):
        for after in knots.successors(number):
            reached[number] |= reached[after]
    return {id: [ends[i] for i in islice(_bits(reached[knot[id]]), MANY)] for id in wrong}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _convert(site: Site, request: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    """A document in one form or the other."""
    document = _document(request, payload)
    form = request.get("to") or ("workflow" if document.workflow is None else "api")
    if form not in ("api", "workflow"):
        raise Refused("request", f"there is no form {form!r}; take api or workflow")
    if form == "workflow":
        nodes = Descriptions(site.specs, site.files)
        return {"form": form, "result": document.editable(nodes), "notes": []}
    flat = recorded.graph(document, site.specs, site.files, _hashes(site))
    return {"form": form, "result": flat.graph, "notes": flat.notes}


def _hashes(site: Site) -> Hashes:
    return Hashes(site.cache.disk.folder if site.cache.disk else None)


# --- the process ---------------------------------------------------------------------------------


def _describe(site: Site, request: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    """Every node type, and which of its menus list a models folder."""
    specs = sorted(site.specs.items())
    menus = {
        name: {i.name: i.choices.name for i in spec.inputs.values() if isinstance(i.choices, Folder)}
        for name, spec in specs
    }
    nodes = {name: describe(spec, site.files) for name, spec in specs}
    return {"nodes": nodes, "menus": {name: inputs for name, inputs in menus.items() if inputs}}


def _stats(site: Site, request: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    return devices.stats()


def _free(site: Site, request: Mapping[str, Any], payload: bytes) -> dict[str, Any]:
    """Drop what memory holds. What a run uses at the moment goes when it has ended."""
    site.cache.free(models=bool(request.get("models")), values=bool(request.get("values")))
    collect()
    return {}


def collect() -> None:
    """Give the memory that nothing uses any more back."""
    gc.collect()
    devices.release()


HANDLERS: dict[str, Callable[[Site, Mapping[str, Any], bytes], dict[str, Any]]] = {
    "prepare": _prepare,
    "convert": _convert,
    "describe": _describe,
    "stats": _stats,
    "free": _free,
}
