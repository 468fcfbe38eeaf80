"""One level of an editor workflow: its nodes, what each of their slots is, and the links between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from executor.workflow.lenient import integer, key, mapping, sequence
from executor.workflow.widgets import AUTOGROW, Description, Descriptions, Filled, InputSpec, declared, fill, unnamed

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

    @cached_property
    def setters(self) -> dict[str, Node]:
        """The nodes that set what the Get nodes of the same name give; of two with one name the first."""
        setters = [n for n in self.nodes.values() if n.type == "SetNode"]
        return {str(n.first_value): n for n in reversed(setters)}


class Link(NamedTuple):
    id: Any
    origin: str
    origin_slot: int
    target: str
    target_slot: int


def read_links(stored: Iterable[Any]) -> Iterator[Link]:
    fields = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    for link in stored:
        parts = [*sequence(link)[:5]] if isinstance(link, list) else [mapping(link).get(f) for f in fields]
        if len(parts) < 5:
            continue
        from_slot, to_slot = integer(parts[2]), integer(parts[4])
        if from_slot is not None and to_slot is not None:
            yield Link(parts[0], key(parts[1]), from_slot, key(parts[3]), to_slot)


@dataclass(frozen=True)
class Reader:
    descriptions: Descriptions
    definitions: Mapping[str, Mapping[str, Any]]
    notes: list[str]
    inputs: dict[str, list[InputSpec]] = field(default_factory=dict[str, "list[InputSpec]"])  # by node type

    def level(
        self,
        raw_nodes: Iterable[Mapping[str, Any]],
        links: list[Link],
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
            filled = fill(self._inputs(type_, described), raw.get("widgets_values"), raw.get("widgets_values_named"))
            slots = _slots(filled, stored)
        else:
            filled, slots = self._guess(id, type_, raw, stored), [s[:2] for s in stored]
        widgets = {i.name for i in filled.inputs if i.is_widget}
        if described is None:
            widgets |= {name for name, _, is_widget in stored if is_widget} | filled.values.keys()
        names = tuple(s[0] for s in stored) if isinstance(raw.get("inputs"), list) else tuple(s[0] for s in slots)
        kind = mode if mode in (MUTED, BYPASSED) else ACTIVE
        return Node(id, type_, kind, raw, described, names, tuple(slots), filled, frozenset(widgets))

    def _inputs(self, type_: str, described: Description) -> list[InputSpec]:
        if type_ not in self.inputs:
            self.inputs[type_] = declared(described)
        return self.inputs[type_]

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


def _in_order(order: list[list[Any]]) -> Callable[[Link], int]:
    places = {(slot, key(id)): place for slot, ids in enumerate(order) for place, id in enumerate(ids)}

    def place(link: Link) -> int:
        return places.get((link.origin_slot, key(link.id)), len(places))

    return place


def _one_a_slot(links: Iterable[Link], stored: Mapping[str, Mapping[str, Any]]) -> Iterator[Link]:
    """The link of each slot. The table of links decides, not what the slots say, except between two for one slot."""
    entering: dict[tuple[str, int], list[Link]] = {}
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
