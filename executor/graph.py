"""`Graph`: the nodes of one API graph, their literals and their links."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, cast

import networkx as nx


@contextmanager
def uncollected() -> Generator[None, None, None]:
    """Holds the garbage collector off: with ten thousand nodes it takes longer than the work that is done on them,
    and that work leaves no cycles behind."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class GraphError(ValueError):
    """What was given is no API graph at all."""


class Link(NamedTuple):
    """One output of another node."""

    node: str
    output: int


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the file has it; `type` is empty where the file names none."""

    id: str
    type: str
    inputs: Mapping[str, Any]  # name -> Link or literal
    title: str = ""


@dataclass(frozen=True)
class Graph:
    nodes: Mapping[str, Node]
    api: Mapping[str, Any] = field(default_factory=dict[str, Any])  # as it was read, for what is saved in pictures

    @cached_property
    def flow(self) -> nx.DiGraph[str]:
        """Which node feeds which. Links to nodes that are not there are left out."""
        flow: nx.DiGraph[str] = nx.DiGraph()
        flow.add_nodes_from(self.nodes)
        flow.add_edges_from(
            (value.node, node.id)
            for node in self.nodes.values()
            for value in node.inputs.values()
            if type(value) is Link and value.node in self.nodes
        )
        return flow

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The nodes, sources first; those in a cycle or behind one are left out."""
        return tuple(_until_cycle(self.flow))

    def needed(self, targets: Iterable[str]) -> set[str]:
        """The targets and all that they depend on."""
        return _reach(self.flow.reverse(copy=False), targets)

    def affected(self, nodes: Iterable[str]) -> set[str]:
        """The nodes and all that depend on them."""
        return _reach(self.flow, nodes)

    def cycles(self) -> list[list[str]]:
        """One cycle of each knot of nodes that feed each other, in the direction of the data."""
        if len(self.order) == len(self.nodes):
            return []
        knots = [k for k in nx.strongly_connected_components(self.flow) if len(k) > 1 or self._feeds_itself(k)]
        return [self._cycle(k) for k in knots]

    def _cycle(self, knot: set[str]) -> list[str]:
        edges = cast("list[tuple[str, str]]", nx.find_cycle(self.flow.subgraph(knot), min(knot)))  # pyright: ignore[reportUnknownMemberType]
        return [source for source, _ in edges]

    def _feeds_itself(self, knot: set[str]) -> bool:
        (node,) = knot
        return self.flow.has_edge(node, node)


def read(api: Any, *, trusted: bool = False) -> Graph:
    """The graph of an API-format object: `{"id": {"class_type": ..., "inputs": {...}}}`. Raises GraphError.

    A node that is malformed is kept, for `check` to report.
    trusted: a program made it, so that its literals may be any values; only `["id", slot]` of a node in it is a link.
    """
    if not isinstance(api, Mapping):
        raise GraphError(f"an API graph is an object of nodes, and this is {type(api).__name__}")
    graph = cast("Mapping[Any, Any]", api)
    ids = {str(id) for id in graph} if trusted else None
    with uncollected():
        return Graph({str(id): _node(str(id), node, ids) for id, node in graph.items()}, graph)


def _node(id: str, node: Any, ids: set[str] | None) -> Node:
    if not isinstance(node, dict):
        return Node(id, "", {})
    fields = cast("dict[str, Any]", node)
    type_, inputs, meta = fields.get("class_type"), fields.get("inputs"), fields.get("_meta")
    title = cast("dict[str, Any]", meta).get("title") if isinstance(meta, dict) else None
    named = cast("dict[str, Any]", inputs) if isinstance(inputs, dict) else {}
    return Node(
        id,
        type_ if isinstance(type_, str) else "",
        {name: _value(cast("list[Any]", v), ids) if type(v) is list else v for name, v in named.items()},
        title if isinstance(title, str) else "",
    )


def _value(value: list[Any], ids: set[str] | None) -> Any:
    """A list of a node's id and an output's number is a link."""
    if len(value) != 2:
        return value
    node, output = value
    if type(output) is not int or type(node) not in (str, int) or (ids is not None and str(node) not in ids):
        return value
    return Link(str(node), output)


def _until_cycle(flow: nx.DiGraph[str]) -> Iterator[str]:
    try:
        yield from nx.topological_sort(flow)
    except nx.NetworkXUnfeasible:
        return


def _reach(flow: nx.DiGraph[str], start: Iterable[str]) -> set[str]:
    known = [node for node in start if node in flow]
    return {node for layer in nx.bfs_layers(flow, known) for node in layer}
