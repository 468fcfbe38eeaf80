"""The parts of an editor workflow: the root and the subgraphs that it defines, each a level of nodes and links."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import networkx as nx

from executor.groupnodes import last_id, ungroup
from executor.lenient import WorkflowError, integer, key, mapping, sequence
from executor.widgets import AUTOGROW, Description, Descriptions, Filled, declared, fill, unnamed

ACTIVE, MUTED, BYPASSED = 0, 2, 4
INPUTS, OUTPUTS = "-10", "-20"  # the ids that stand for the border of a subgraph
VIRTUAL = {"Reroute", "PrimitiveNode", "Note", "MarkdownNote"}
NOT_NAMED = {"control_after_generate", "upload"}  # in `widgets_values_named`, but nothing that a node takes


class Source(NamedTuple):
    """The output of a node of the same level; of INPUTS, a slot of the subgraph itself."""

    node: str
    slot: int


@dataclass(frozen=True, eq=False)
class Node:
    """A node of one level. `names` are its slots in stored order, `slots` all of them as (name, type)."""

    id: str
    type: str
    mode: int
    raw: Mapping[str, Any]
    described: Description | None
    names: tuple[str, ...]
    slots: tuple[tuple[str, str], ...]
    filled: Filled
    widgets: frozenset[str]

    @property
    def title(self) -> str:
        title = self.raw.get("title") or (self.described or {}).get("display_name") or self.type
        return str(title)

    @property
    def virtual(self) -> bool:
        """Never part of the API graph; `GetNode` and `SetNode` unless a server has nodes of that name."""
        return self.type in VIRTUAL or (self.type in ("GetNode", "SetNode") and self.described is None)

    @property
    def first_value(self) -> Any:
        """The value of a PrimitiveNode, or the name that a Get or Set node goes by; None if there is none."""
        saved = self.raw.get("widgets_values")
        values = sequence(saved) or list(mapping(saved).values())
        return values[0] if values else None


@dataclass
class Level:
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    sources: dict[tuple[str, str], Source] = field(default_factory=dict[tuple[str, str], Source])
    targets: dict[int, list[tuple[str, str]]] = field(default_factory=dict[int, list[tuple[str, str]]])
    """What each input of the subgraph feeds, as (node, slot name)."""

    def setter(self, name: Any) -> Node | None:
        """The node that sets what the Get nodes of that name give."""
        return next((n for n in self.nodes.values() if n.type == "SetNode" and n.first_value == name), None)


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
    reader = _Reader(nodes, raw_definitions, notes)
    links = _root_links(root, notes)
    definitions: dict[str, Definition] = {}
    for id, raw in raw_definitions.items():
        ids, last = _free_ids(raw, used, last)
        definitions[id] = reader.definition(id, raw, ids)
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


class _Link(NamedTuple):
    id: Any
    origin: str
    origin_slot: int
    target: str
    target_slot: int


def _root_links(root: Mapping[str, Any], notes: list[str]) -> list[_Link]:
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
    return list(_links(right))


def _links(stored: Iterable[Any]) -> Iterator[_Link]:
    fields = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    for link in stored:
        parts = [*sequence(link)[:5]] if isinstance(link, list) else [mapping(link).get(f) for f in fields]
        if len(parts) < 5:
            continue
        from_slot, to_slot = integer(parts[2]), integer(parts[4])
        if from_slot is not None and to_slot is not None:
            yield _Link(parts[0], key(parts[1]), from_slot, key(parts[3]), to_slot)


@dataclass(frozen=True)
class _Reader:
    descriptions: Descriptions
    definitions: Mapping[str, Mapping[str, Any]]
    notes: list[str]

    def definition(self, id: str, raw: Mapping[str, Any], ids: Mapping[str, str]) -> Definition:
        raw_nodes = [mapping(n) for n in sequence(raw.get("nodes")) if isinstance(n, dict)]
        links = list(_links(sequence(raw.get("links"))))
        inputs, outputs = ([mapping(s) for s in sequence(raw.get(end))] for end in ("inputs", "outputs"))
        return Definition(
            id,
            self.level(raw_nodes, links, ids, [sequence(i.get("linkIds")) for i in inputs]),
            tuple(str(i.get("name")) for i in inputs),
            tuple(str(o.get("name")) for o in outputs),
            tuple(str(i.get("type", "*")) for i in inputs),
            ids,
        )

    def level(
        self,
        raw_nodes: Iterable[Mapping[str, Any]],
        links: list[_Link],
        ids: Mapping[str, str],
        order: list[list[Any]] | None = None,
    ) -> Level:
        """ids: nodes that are called otherwise now; order: the links of each input of the subgraph."""
        level = Level()
        stored = {key(raw.get("id")): raw for raw in raw_nodes}
        for id, raw in stored.items():
            node = self._node(ids.get(id, id), raw)
            level.nodes[node.id] = node
        for link in _one_a_slot(links, stored):
            target, origin = ids.get(link.target, link.target), ids.get(link.origin, link.origin)
            if (name := _slot_name(level, target, link.target_slot)) is not None:
                level.sources[target, name] = Source(origin, link.origin_slot)
        fed = sorted((k for k in links if k.origin == INPUTS), key=_in_order(order or []))
        for link in fed:
            target = ids.get(link.target, link.target)
            if (name := _slot_name(level, target, link.target_slot)) is not None and target != OUTPUTS:
                level.targets.setdefault(link.origin_slot, []).append((target, name))
        return level

    def _node(self, id: str, raw: Mapping[str, Any]) -> Node:
        type_ = str(raw.get("type"))
        mode = integer(raw.get("mode"))
        stored = [_slot(s) for s in sequence(raw.get("inputs"))]
        described = self.descriptions.get(type_)
        definition = self.definitions.get(type_)
        if definition is not None:
            described = None
            filled = Filled([], {})
            slots = [_slot(s)[:2] for s in sequence(definition.get("inputs"))]
        elif described is not None:
            filled = fill(declared(described), raw.get("widgets_values"), raw.get("widgets_values_named"))
            slots = _slots(filled, stored)
        else:
            filled, slots = self._guess(id, type_, raw, stored), [s[:2] for s in stored]
        widgets = {i.name for i in filled.inputs if i.is_widget}
        if described is None:
            widgets |= {name for name, _, is_widget in stored if is_widget} | filled.values.keys()
        names = tuple(s[0] for s in stored) if isinstance(raw.get("inputs"), list) else tuple(s[0] for s in slots)
        kind = mode if mode in (MUTED, BYPASSED) else ACTIVE
        return Node(id, type_, kind, raw, described, names, tuple(slots), filled, frozenset(widgets))

    def _guess(self, id: str, type_: str, raw: Mapping[str, Any], stored: list[tuple[str, str, bool]]) -> Filled:
        """The values of a node that nobody describes, as far as the file names them."""
        named = mapping(raw.get("widgets_values_named")) or mapping(raw.get("widgets_values"))
        if named:
            return Filled([], {k: v for k, v in named.items() if k not in NOT_NAMED})
        saved = sequence(raw.get("widgets_values"))
        values = unnamed([s[:2] for s in stored if s[2]], saved)
        if values is None and type_ not in VIRTUAL:
            self.notes.append(f"node {id} ({type_}): unknown node type, so its {len(saved)} values have no names")
        return Filled([], values or {})


def _slot(raw: Any) -> tuple[str, str, bool]:
    """The name and type of a stored slot, and whether it is a widget's (converted or not)."""
    slot = mapping(raw)
    widget = mapping(slot.get("widget")).get("name")
    type_ = slot.get("type", "*")
    name = slot.get("name") if slot.get("name") is not None else widget
    return str(name), type_ if isinstance(type_, str) else "COMBO" if isinstance(type_, list) else "*", bool(widget)


def _slots(filled: Filled, stored: Iterable[tuple[str, str, bool]]) -> list[tuple[str, str]]:
    """The slots of a described node in the order that bypassing goes by: sockets, unknown ones, widgets."""
    rest = {name: type_ for name, type_, _ in stored}
    sockets: list[tuple[str, str]] = []
    for i in filled.inputs:
        if i.type == AUTOGROW:
            sockets += [(name, rest.pop(name)) for name in list(rest) if name.startswith(f"{i.name}.")]
        elif not i.is_widget:
            sockets.append((i.name, i.type))
    widgets = [(i.name, i.type) for i in filled.inputs if i.is_widget]
    known = {name for name, _ in (*sockets, *widgets)}
    return [*sockets, *((name, type_) for name, type_ in rest.items() if name not in known), *widgets]


def _slot_name(level: Level, target: str, slot: int) -> str | None:
    """The name of the slot that a link enters; a slot of OUTPUTS goes by its number."""
    if target == OUTPUTS:
        return str(slot)
    node = level.nodes.get(target)
    return node.names[slot] if node and 0 <= slot < len(node.names) else None


def _in_order(order: list[list[Any]]) -> Callable[[_Link], int]:
    places = {(slot, key(id)): place for slot, ids in enumerate(order) for place, id in enumerate(ids)}

    def place(link: _Link) -> int:
        return places.get((link.origin_slot, key(link.id)), len(places))

    return place


def _one_a_slot(links: Iterable[_Link], stored: Mapping[str, Mapping[str, Any]]) -> Iterator[_Link]:
    """The link of each slot. The table of links decides, not what the slots say, except between two for one slot."""
    entering: dict[tuple[str, int], list[_Link]] = {}
    for link in links:
        entering.setdefault((link.target, link.target_slot), []).append(link)
    for (target, slot), found in entering.items():
        if len(found) == 1:
            yield found[0]
            continue
        slots = [mapping(s).get("link") for s in sequence(stored.get(target, {}).get("inputs"))]
        mine = [link for link in found if slot < len(slots) and link.id == slots[slot]]
        everywhere = all(link.id in slots for link in found)
        yield found[0] if everywhere or not mine else mine[0]


def _expose(definitions: dict[str, Definition]) -> None:
    """Find which inputs lead to a widget, directly or through an instance inside. Raises WorkflowError on a cycle."""
    inside: nx.DiGraph[str] = nx.DiGraph()
    inside.add_nodes_from(definitions)
    for id, definition in definitions.items():
        inside.add_edges_from((n.type, id) for n in definition.level.nodes.values() if n.type in definitions)
    try:
        order = list(nx.topological_sort(inside))
    except nx.NetworkXUnfeasible:
        edges: list[tuple[str, str]] = nx.find_cycle(inside)  # pyright: ignore[reportUnknownMemberType]
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
