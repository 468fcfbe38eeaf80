"""The editor's workflow as an API graph: what runs, with reroutes, mutes, bypasses and subgraphs resolved.

The rules are the standard's. Where its editor has a defect, we do what the author of the workflow meant:
an input wired straight through a subgraph passes, nothing inside a muted or bypassed subgraph runs, object-valued
widgets go by name, null in the values of a subgraph is no value, and seeds keep their 64 bits. The editor also
sends what is inside a muted or bypassed subgraph within another; so do we, since graphs are compared, but without
the nodes that show or save something, so that nothing of it runs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from executor.types import compatible
from executor.workflow.lenient import WorkflowError, mapping
from executor.workflow.levels import BYPASSED, INPUTS, MUTED, OUTPUTS, Level, Node, Source
from executor.workflow.promotion import NO_VALUE, Scope, give_values, own, promoted
from executor.workflow.prompts import dynamic, patterns
from executor.workflow.subgraphs import Workflow, read
from executor.workflow.widgets import Descriptions, settle

MAX_NODES = 100_000  # what subgraphs may expand to


class Flat(NamedTuple):
    """An API graph, and what of the workflow is not in it."""

    graph: dict[str, Any]
    notes: list[str]


class Real(NamedTuple):
    """An output of a node that is in the API graph."""

    node: str
    slot: int


class Open(NamedTuple):
    """An input of a subgraph that nothing is linked to."""

    scope: Scope
    slot: int


class Via(NamedTuple):
    """A link that has to be followed further."""

    scope: Scope
    source: Source


Origin = Real | Open | None


def to_api(
    workflow: Mapping[str, Any],
    nodes: Descriptions,
    *,
    rng: random.Random | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """The API graph of an editor workflow, `{id: {"class_type", "inputs", "_meta"}}`. See `flatten`."""
    return flatten(workflow, nodes, rng=rng, now=now).graph


def flatten(
    workflow: Mapping[str, Any],
    nodes: Descriptions,
    *,
    rng: random.Random | None = None,
    now: datetime | None = None,
) -> Flat:
    """The API graph of an editor workflow, and notes on what was left out.

    nodes: node types as `/object_info` describes them. Types that are not there are kept, as far as the file goes.
    rng: chooses in dynamic prompts (`{day|night}`); without it the first-seeded generator, so always the same.
    now: fills `%date:...%` in file names; without it the patterns stay, for the node that saves.
    Raises WorkflowError for what is no workflow, a subgraph in itself, or bypassed nodes in a circle.
    """
    parts = read(workflow, nodes)
    flattener = _Flattener(parts, rng or random.Random(0))
    placed = list(flattener.place())
    graph = {scope.path + node.id: flattener.emit(scope, node) for scope, node in placed}
    _fill_patterns(graph, parts.root, now)
    return Flat(graph, parts.notes)


@dataclass
class _Flattener:
    workflow: Workflow
    rng: random.Random
    known: dict[tuple[Scope, Source, str], Origin] = field(default_factory=dict[Any, Any])

    def place(self) -> Iterator[tuple[Scope, Node]]:
        """Every node that runs, with the scope that it stands in."""
        count = 0
        waiting: list[tuple[Scope, Iterator[Node]]] = []
        root = Scope("", self.workflow.root)
        waiting.append((root, iter(root.level.nodes.values())))
        while waiting:
            scope, rest = waiting[-1]
            node = next(rest, None)
            if node is None:
                waiting.pop()
                continue
            count += 1
            if count > MAX_NODES:
                raise WorkflowError(f"the subgraphs of this workflow expand to more than {MAX_NODES} nodes")
            definition = self.workflow.definitions.get(node.type)
            off = node.mode in (MUTED, BYPASSED)
            if node.virtual or (off and not (definition and scope.parent)):
                continue
            if definition is None:
                if not (scope.idle and (node.described or {}).get("output_node")):
                    yield scope, node
                continue
            child = Scope(f"{scope.path}{node.id}:", definition.level, scope, node, definition, scope.idle or off)
            give_values(child)
            scope.children[node.id] = child
            waiting.append((child, iter(child.level.nodes.values())))

    def emit(self, scope: Scope, node: Node) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        specs = {i.name: i for i in node.filled.inputs}
        widgets = [*specs, *node.filled.values.keys()]
        for name in dict.fromkeys(w for w in widgets if w in node.widgets):
            origin, value = self._widget(scope, node, name)
            if origin is not None:
                inputs[name] = [origin.node, origin.slot]
            elif value is not NO_VALUE:
                inputs[name] = {"__value__": value} if isinstance(value, list) else value
        for name, type_ in node.slots:
            source = scope.level.sources.get((node.id, name))
            if source is None or name in node.filled.values or name in inputs:
                continue
            origin = self.trace(scope, source, type_)
            if isinstance(origin, Real):
                inputs[name] = [origin.node, origin.slot]
        return {"inputs": inputs, "class_type": node.type, "_meta": {"title": node.title}}

    def _widget(self, scope: Scope, node: Node, name: str) -> tuple[Real | None, Any]:
        """What feeds a widget, or else its value."""
        spec = next((i for i in node.filled.inputs if i.name == name), None)
        value, given_above = own(scope, node, name), (node.id, name) in scope.by_widget
        source = scope.level.sources.get((node.id, name))
        if source is not None:
            feeder = scope.level.nodes.get(source.node)
            if feeder is not None and feeder.type == "PrimitiveNode":
                given = scope.by_widget.get((feeder.id, "value"), feeder.first_value)
                value = value if given is None else given
            else:
                origin = self.trace(scope, source, spec.type if spec else dict(node.slots).get(name, "*"))
                if isinstance(origin, Real):
                    return origin, None
                if isinstance(origin, Open) and source.node == INPUTS:
                    value, given_above = promoted(scope, source.slot, value)
        if spec is not None and value is not NO_VALUE:
            value = settle(spec, value)
            if spec.options.get("dynamicPrompts") and isinstance(value, str) and not given_above:
                value = dynamic(value, self.rng)
        return None, value

    def trace(self, scope: Scope, source: Source, wanted: str) -> Origin:
        """Where a link really begins. wanted: the type of the input that it ends in."""
        trail: dict[tuple[Scope, Source, str], None] = {}
        found: Origin = None
        while True:
            step = (scope, source, wanted)
            if step in self.known:
                found = self.known[step]
                break
            if step in trail:
                nodes = ", ".join(dict.fromkeys(s.path + at.node for s, at, _ in trail))
                raise WorkflowError(f"bypassed nodes or reroutes feed each other in a circle: {nodes}")
            trail[step] = None
            next_ = self._step(scope, source, wanted)
            if not isinstance(next_, Via):
                found = next_
                break
            scope, source = next_
        for step in trail:
            self.known[step] = found
        return found

    def _step(self, scope: Scope, source: Source, wanted: str) -> Via | Origin:
        """One link back: to a real node, through something that passes a value on, or to nothing."""
        if source.node == INPUTS:
            outer = scope.outside(source.slot)
            return Via(scope.parent, outer) if outer and scope.parent else Open(scope, source.slot)
        node = scope.level.nodes.get(source.node)
        if node is None or node.mode == MUTED:
            return None
        if node.virtual:
            return _passed(scope, _relay(scope, node))
        if node.mode == BYPASSED:
            return _passed(scope, _bypass(scope, node, source.slot, wanted))
        child = scope.children.get(node.id)
        if child is not None:
            inner = child.level.sources.get((OUTPUTS, str(source.slot)))
            return Via(child, inner) if inner else None
        return Real(scope.path + node.id, source.slot)


def _passed(scope: Scope, source: Source | None) -> Via | None:
    return Via(scope, source) if source else None


def _relay(scope: Scope, node: Node) -> Source | None:
    """What feeds a reroute, or the node that sets what a Get node gets."""
    if node.type == "GetNode":
        setter = scope.level.setters.get(str(node.first_value))
        return _relay(scope, setter) if setter and setter.mode != MUTED else None
    if node.type not in ("Reroute", "SetNode"):
        return None
    return next((s for name in node.names if (s := scope.level.sources.get((node.id, name)))), None)


def _bypass(scope: Scope, node: Node, slot: int, wanted: str) -> Source | None:
    """What a bypassed node passes on: the input of the same number if it fits, else the first of exactly that type,
    else the first that fits. Types alone decide, so it may be an input that nothing is linked to."""
    same = node.slots[slot : slot + 1] if slot >= 0 else ()
    exact = (s for s in node.slots if s[1] == wanted)
    fitting = (s for s in node.slots if compatible(s[1], wanted))
    chosen = next((s for s in same if compatible(s[1], wanted)), None) or next(exact, None) or next(fitting, None)
    if chosen is None:
        return None
    for name in dict.fromkeys((chosen[0], *_alias(node, chosen[0]))):
        if source := scope.level.sources.get((node.id, name)):
            return source
    return None


def _alias(node: Node, name: str) -> tuple[str, ...]:
    """An instance may call a slot otherwise than the definition does; then place decides."""
    names = [n for n, _ in node.slots]
    at = names.index(name)
    return node.names[at : at + 1] if node.described is None and not set(node.names[at : at + 1]) & set(names) else ()


def _fill_patterns(graph: Mapping[str, Any], root: Level, now: datetime | None) -> None:
    """Fill in `%node.widget%` where names of files are given; a node goes by its title or its type."""
    names: dict[str, dict[str, Any]] = {}
    for node in root.nodes.values():
        if node.id in graph:
            alias = mapping(node.raw.get("properties")).get("Node name for S&R")
            for name in (alias, node.raw.get("title"), node.title, node.type):
                names.setdefault(str(name), graph[node.id]["inputs"])

    def lookup(node: str, widget: str) -> object | None:
        value = names.get(node, {}).get(widget)
        return None if isinstance(value, list | dict) else value

    for entry in graph.values():
        prefix = entry["inputs"].get("filename_prefix")
        if isinstance(prefix, str) and "%" in prefix:
            entry["inputs"]["filename_prefix"] = patterns(prefix, lookup, now)
