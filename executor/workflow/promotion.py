"""Subgraphs in their place, and the values that their instances give to what is inside.

Three generations of files do it: values in the order of the inputs, `proxyWidgets` with values beside, values by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from executor.workflow.lenient import key, mapping, sequence
from executor.workflow.levels import INPUTS, Level, Node, Source
from executor.workflow.subgraphs import Definition

NO_VALUE: Any = object()


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


def own(scope: Scope, node: Node, name: str) -> Any:
    """The value of a widget as its node and the instances around it give it."""
    return scope.by_widget.get((node.id, name), node.filled.values.get(name, NO_VALUE))


def promoted(scope: Scope, slot: int, value: Any) -> tuple[Any, bool]:
    """The value of a widget that an unlinked input of its subgraph feeds, and whether an instance gives it.

    The outermost instance that has one decides, else the first widget that the input feeds, else its own `value`.
    """
    chain = [(scope, slot)]
    while (source := chain[-1][0].outside(chain[-1][1])) and source.node == INPUTS and chain[-1][0].parent:
        chain.append((chain[-1][0].parent, source.slot))
    for around, index in reversed(chain):
        if index in around.by_input:
            return around.by_input[index], True
    first = _first_widget(*chain[-1])
    return (value if first is NO_VALUE else first), False


def _first_widget(scope: Scope, slot: int) -> Any:
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
                return own(scope, node, name)
        else:
            return NO_VALUE


def give_values(scope: Scope) -> None:
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
