"""Changes of a graph that are written on a command line: `NODE.INPUT=VALUE`, and a seed for every node that has one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from executor.graph import Graph, read
from executor.nearest import nearest
from executor.node import NodeSpec


class Unassignable(ValueError):
    """What was written names no input of the graph; the message says which there are."""


def seed_all(api: dict[str, Any], specs: Mapping[str, NodeSpec], seed: int) -> None:
    """Give every seed that is no link this value."""
    for node in api.values():
        spec = specs.get(str(node.get("class_type")))
        for name, i in spec.inputs.items() if spec else ():
            if i.options.get("control_after_generate") and not isinstance(_inputs(node).get(name), list):
                _inputs(node)[name] = seed


def assign(api: dict[str, Any], specs: Mapping[str, NodeSpec], assignments: Iterable[str]) -> None:
    """Carry out `NODE.INPUT=VALUE`s, where NODE is an id, a title or a type. Raises Unassignable."""
    graph = read(api)
    for assignment in assignments:
        target, equals, text = assignment.partition("=")
        if not (equals and "." in target):
            raise Unassignable(f"--set takes NODE.INPUT=VALUE, and this is {assignment!r}")
        try:
            id, name, type_ = place(graph, specs, target)
        except Unassignable as error:
            raise Unassignable(f"--set {assignment}: {error}") from None
        _inputs(api[id])[name] = literal(text, type_)


def place(graph: Graph, specs: Mapping[str, NodeSpec], target: str) -> tuple[str, str, str]:
    """Id, input and the input's type (empty where that is not known) of `NODE.INPUT`. Raises Unassignable."""
    node, _, name = target.rpartition(".")
    id = node_id(graph, node)
    spec = specs.get(graph.nodes[id].type)
    if spec and name not in spec.inputs:
        there = f"it has {', '.join(spec.inputs)}{nearest(name, list(spec.inputs))}"
        raise Unassignable(f"{spec.name} has no input {name!r}; {there}")
    return id, name, spec.inputs[name].type if spec else ""


def node_id(graph: Graph, name: str) -> str:
    """The id of a node that is named by its id, its title or its type. Raises Unassignable."""
    if name in graph.nodes:
        return name
    nodes = graph.nodes.values()
    found = [n.id for n in nodes if n.title == name] or [n.id for n in nodes if n.type == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise Unassignable(f"{name!r} is the name of several nodes: {', '.join(found)}; use the id of one")
    raise Unassignable(f"there is no node {name!r}; there are {', '.join(f'{n.id} ({n.type})' for n in nodes)}")


def literal(text: str, type_: str) -> Any:
    """A value of the command line: text where text is taken, else JSON if it is that."""
    if type_ == "STRING":
        return text
    try:
        value: Any = json.loads(text)
    except json.JSONDecodeError:
        return text
    return {"__value__": cast("list[Any]", value)} if type(value) is list else value


def _inputs(node: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(node.get("inputs"), dict):
        node["inputs"] = {}
    return cast("dict[str, Any]", node["inputs"])
