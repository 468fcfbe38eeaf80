"""The parts of an editor workflow: the root and the subgraphs that it defines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import networkx as nx

from executor.workflow.groupnodes import last_id, ungroup
from executor.workflow.lenient import WorkflowError, key, mapping, sequence
from executor.workflow.levels import Level, Link, Reader, read_links
from executor.workflow.widgets import Descriptions


@dataclass
class Definition:
    id: str
    level: Level
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    types: tuple[str, ...]  # of the inputs
    ids: Mapping[str, str]  # what the file calls a node -> what it is called here
    exposed: tuple[int, ...] = ()  # the inputs that lead to a widget

    def input_slot(self, name: str, index: int) -> int:
        """The input that a slot of an instance stands for: by name, else by place."""
        return self.inputs.index(name) if name in self.inputs else index


@dataclass
class Workflow:
    root: Level
    definitions: dict[str, Definition]
    notes: list[str]


def read(workflow: Mapping[str, Any], nodes: Descriptions) -> Workflow:
    """Take a workflow apart. Raises WorkflowError if it has no list of nodes, or a subgraph contains itself."""
    if not isinstance(workflow.get("nodes"), list):
        raise WorkflowError("this workflow has no list of nodes; is it an editor workflow?")
    notes: list[str] = []
    root = ungroup(workflow, nodes)
    raw_definitions = {str(d["id"]): d for d in _definitions(root) if "id" in d}
    raw_nodes = [mapping(n) for n in sequence(root.get("nodes")) if isinstance(n, dict)]
    used, last = {n["id"] for n in raw_nodes if isinstance(n.get("id"), int)}, last_id(root)
    reader = Reader(nodes, raw_definitions, notes)
    links = _root_links(root, notes)
    definitions: dict[str, Definition] = {}
    for id, raw in raw_definitions.items():
        ids, last = _free_ids(raw, used, last)
        definitions[id] = _definition(id, raw, ids, reader)
    level = reader.level(_distinct(raw_nodes, last), links, {})
    _expose(definitions)
    return Workflow(level, definitions, notes)


def _definitions(root: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All subgraphs, also those that are defined inside another."""
    waiting = [root]
    while waiting:
        found = [mapping(d) for d in sequence(mapping(waiting.pop().get("definitions")).get("subgraphs"))]
        yield from found
        waiting += found


def _free_ids(raw: Mapping[str, Any], used: set[int], last: int) -> tuple[dict[str, str], int]:
    """New ids for the nodes of a subgraph whose own are taken, and the last id after that.

    The order of definitions and nodes in the file decides who keeps an id, so it is part of the format.
    """
    ids: dict[str, str] = {}
    for node in sequence(raw.get("nodes")):
        id = mapping(node).get("id")
        if not isinstance(id, int):
            continue
        if id in used and not raw.get("group"):
            last += 1
            while last in used:
                last += 1
            ids[str(id)] = str(last)
            used.add(last)
        else:
            last = max(last, id)
            used.add(id)
    return ids, last


def _distinct(raw_nodes: Iterable[dict[str, Any]], last: int) -> list[dict[str, Any]]:
    """Root nodes with ids of their own: a second node with the same id takes a new one, and so loses its links."""
    seen: set[str] = set()
    distinct: list[dict[str, Any]] = []
    for raw in raw_nodes:
        if key(raw.get("id")) in seen:
            last += 1
            raw = {**raw, "id": last}
        seen.add(key(raw.get("id")))
        distinct.append(raw)
    return distinct


def _definition(id: str, raw: Mapping[str, Any], ids: Mapping[str, str], reader: Reader) -> Definition:
    raw_nodes = [mapping(n) for n in sequence(raw.get("nodes")) if isinstance(n, dict)]
    links = list(read_links(sequence(raw.get("links"))))
    inputs, outputs = ([mapping(s) for s in sequence(raw.get(end))] for end in ("inputs", "outputs"))
    return Definition(
        id,
        reader.level(raw_nodes, links, ids, [sequence(i.get("linkIds")) for i in inputs]),
        tuple(str(i.get("name")) for i in inputs),
        tuple(str(o.get("name")) for o in outputs),
        tuple(str(i.get("type", "*")) for i in inputs),
        ids,
    )


def _root_links(root: Mapping[str, Any], notes: list[str]) -> list[Link]:
    """Links are arrays in version 0.4 exactly and objects in any other; the standard's editor drops the wrong shape."""
    arrays = root.get("version") == 0.4
    stored = [link for link in sequence(root.get("links")) if link is not None]
    right = [link for link in stored if isinstance(link, list) == arrays]
    if len(right) < len(stored):
        shape = "arrays" if arrays else "objects"
        notes.append(
            f"{len(stored) - len(right)} links are ignored: a workflow of version {root.get('version')!r} "
            f"writes links as {shape} (version 0.4: arrays, any other: objects)"
        )
    return list(read_links(right))


def _expose(definitions: dict[str, Definition]) -> None:
    """Find which inputs lead to a widget, directly or through an instance inside. Raises WorkflowError on a cycle."""
    inside: nx.DiGraph[str] = nx.DiGraph()
    inside.add_nodes_from(definitions)
    for id, definition in definitions.items():
        inside.add_edges_from((n.type, id) for n in definition.level.nodes.values() if n.type in definitions)
    try:
        order = list(nx.topological_sort(inside))
    except nx.NetworkXUnfeasible:
        edges = cast("list[tuple[str, str]]", nx.find_cycle(inside))  # pyright: ignore[reportUnknownMemberType]
        cycle = " in ".join(edge[0] for edge in edges)
        raise WorkflowError(f"a subgraph contains itself: {cycle}") from None
    for id in order:
        definition = definitions[id]
        definition.exposed = tuple(
            slot
            for slot in range(len(definition.inputs))
            if any(_is_widget(definitions, definition.level, t) for t in definition.level.targets.get(slot, ()))
        )


def _is_widget(definitions: Mapping[str, Definition], level: Level, target: tuple[str, str]) -> bool:
    node = level.nodes[target[0]]
    inner = definitions.get(node.type)
    if inner is None:
        return target[1] in node.widgets
    return inner.input_slot(target[1], node.names.index(target[1])) in inner.exposed
