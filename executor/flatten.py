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

from executor.lenient import WorkflowError, key, mapping, sequence
from executor.prompts import dynamic, patterns
from executor.subgraphs import BYPASSED, INPUTS, MUTED, OUTPUTS, Definition, Level, Node, Source, Workflow, read
from executor.types import compatible
from executor.widgets import Descriptions, settle

MAX_NODES = 100_000  # what subgraphs may expand to


class Flat(NamedTuple):
    """An API graph, and what of the workflow is not in it."""

    graph: dict[str, Any]
    notes: list[str]


@dataclass(eq=False)
class Scope:
    """A level in its place: the root, or the inside of one subgraph instance. `path` begins the ids of its nodes."""

    path: str
    level: Level
    parent: Scope | None = None
    host: Node | None = None  # the instance, in the parent
    definition: Definition | None = None
    idle: bool = False  # inside a muted or bypassed subgraph that is itself inside another
    by_input: dict[int, Any] = field(default_factory=dict[int, Any])  # values that the instance gives its inputs
    by_widget: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any])  # ... and inner widgets
    children: dict[str, Scope] = field(default_factory=dict[str, "Scope"])

    def outside(self, slot: int) -> Source | None:
        """What feeds an input of this subgraph, in the parent."""
        if not (self.parent and self.host and self.definition):
            return None
        for index, name in enumerate(self.host.names):
            if self.definition.input_slot(name, index) == slot:
                return self.parent.level.sources.get((self.host.id, name))
        return None


class Real(NamedTuple):
    """An output of a node that is in the API graph."""

    node: str
    slot: int


class Open(NamedTuple):
    """An input of a subgraph that nothing is linked to."""

    scope: Scope
    slot: int


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
            _give_values(child)
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
            elif value is not _NO_VALUE:
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
        value, promoted = self._own(scope, node, name), (node.id, name) in scope.by_widget
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
                    given = self._promoted(scope, source.slot)
                    value, promoted = (value, promoted) if given is _NO_VALUE else (given, True)
        if spec is not None and value is not _NO_VALUE:
            value = settle(spec, value)
            if spec.options.get("dynamicPrompts") and isinstance(value, str) and not promoted:
                value = dynamic(value, self.rng)
        return None, value

    def _own(self, scope: Scope, node: Node, name: str) -> Any:
        """The value of a widget as its node and the instances around it give it."""
        return scope.by_widget.get((node.id, name), node.filled.values.get(name, _NO_VALUE))

    def _promoted(self, scope: Scope, slot: int) -> Any:
        """The value of an input of a subgraph that nothing is linked to: the outermost instance that has one decides,
        else the first widget that the input feeds."""
        chain = [(scope, slot)]
        while (source := chain[-1][0].outside(chain[-1][1])) and source.node == INPUTS and chain[-1][0].parent:
            chain.append((chain[-1][0].parent, source.slot))
        for around, index in reversed(chain):
            if index in around.by_input:
                return around.by_input[index]
        return self._first_widget(*chain[-1])

    def _first_widget(self, scope: Scope, slot: int) -> Any:
        """The value of the first widget that an input of a subgraph leads to."""
        while True:
            for id, name in scope.level.targets.get(slot, ()):
                node = scope.level.nodes[id]
                child = scope.children.get(id)
                if child is not None and child.definition is not None:
                    inner = child.definition.input_slot(name, node.names.index(name))
                    if inner in child.by_input:
                        return child.by_input[inner]
                    if inner in child.definition.exposed:
                        scope, slot = child, inner
                        break
                elif name in node.widgets:
                    return self._own(scope, node, name)
            else:
                return _NO_VALUE

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


class Via(NamedTuple):
    """A link that has to be followed further."""

    scope: Scope
    source: Source


_NO_VALUE: Any = object()


def _passed(scope: Scope, source: Source | None) -> Via | None:
    return Via(scope, source) if source else None


def _relay(scope: Scope, node: Node) -> Source | None:
    """What feeds a reroute, or the node that sets what a Get node gets."""
    if node.type == "GetNode":
        setter = scope.level.setter(node.first_value)
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


def _give_values(scope: Scope) -> None:
    """Hand the values of an instance to its inputs and inner widgets; what the parent says of them stands above."""
    host, definition, parent = scope.host, scope.definition, scope.parent
    if host is None or definition is None or parent is None:
        return
    entries = [[key(p) for p in sequence(e)] for e in sequence(mapping(host.raw.get("properties")).get("proxyWidgets"))]
    entries = [e for e in entries if len(e) >= 2]
    saved, named = host.raw.get("widgets_values"), mapping(host.raw.get("widgets_values_named"))
    if not named and isinstance(saved, dict):
        named = mapping(saved)
    if entries:
        values = sequence(saved) or [named.get(e[1]) for e in entries]
        for entry, value in zip(entries, values, strict=False):
            _give(scope, definition, entry[0], entry[1], value)
    else:
        positions = dict(zip(definition.exposed, sequence(saved), strict=False))
        for slot in definition.exposed:
            value = named.get(definition.inputs[slot], positions.get(slot))
            if value is not None:
                scope.by_input[slot] = value
    for (id, name), value in parent.by_widget.items():
        if id == host.id:
            inner = next((e[0] for e in entries if e[1] == name and e[0] != "-1"), "-1")
            _give(scope, definition, "-1" if name in definition.inputs else inner, name, value)


def _give(scope: Scope, definition: Definition, id: str, widget: str, value: Any) -> None:
    """Set one promoted widget: `-1` is an input of the subgraph, any other id a node inside."""
    if value is None or widget == "control_after_generate" or widget.startswith("$$"):
        return
    id = definition.ids.get(id, id)
    source = scope.level.sources.get((id, widget))
    if id == "-1" and widget in definition.inputs:
        scope.by_input[definition.inputs.index(widget)] = value
    elif source is not None and source.node == INPUTS:
        scope.by_input[source.slot] = value
    elif id in scope.level.nodes:
        scope.by_widget[id, widget] = value


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
