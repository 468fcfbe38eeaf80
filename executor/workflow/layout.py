"""An API graph as an editor workflow: nodes in columns from sources to results, values by position and by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import networkx as nx

from executor.workflow.lenient import integer, mapping, sequence
from executor.workflow.prompts import literal
from executor.workflow.widgets import AUTOGROW, MISSING, Descriptions, Filled, InputSpec, declared, fill

WIDTH, TALL_WIDTH = 320, 420
ROW, HEADER, TEXT_ROWS = 24, 50, 5
GAP_X, GAP_Y = 90, 60


_Ends = dict[tuple[str, int], list[int]]


@dataclass(frozen=True)
class _Node:
    """A node of the API graph, taken apart: what is linked, what is a widget."""

    id: str
    type: str
    title: str
    links: Mapping[str, tuple[str, int]]
    sockets: tuple[tuple[str, str], ...]  # name, type
    widgets: tuple[InputSpec, ...]
    values: Mapping[str, Any]
    outputs: tuple[tuple[str, str], ...]

    @property
    def width(self) -> int:
        return TALL_WIDTH if any(w.multiline for w in self.widgets) else WIDTH

    @property
    def height(self) -> int:
        texts = sum(TEXT_ROWS for w in self.widgets if w.multiline)
        controls = sum(w.controls for w in self.widgets)
        rows = max(len(self.sockets), len(self.outputs)) + len(self.widgets) + texts + controls
        return HEADER + ROW * rows


def from_api(api: Mapping[str, Any], nodes: Descriptions) -> dict[str, Any]:
    """An editor workflow (version 0.4) that flattens to `api` again, laid out in columns without overlap.

    Widgets that `api` leaves out get their defaults; literals for sockets, which an editor cannot hold, are left out.
    """
    taken = {id: _take_apart(id, mapping(raw), api, nodes) for id, raw in api.items()}
    places = _places(taken)
    links = list(_links(taken))
    entering, leaving = _Ends(), _Ends()
    for number, origin, slot, target, target_slot, _ in links:
        leaving.setdefault((str(origin), slot), []).append(number)
        entering.setdefault((str(target), target_slot), []).append(number)
    order = {id: place for place, id in enumerate(places)}
    return {
        "last_node_id": max((i for id in taken if (i := integer(id)) is not None), default=0),
        "last_link_id": len(links),
        "nodes": [_write(node, places[id], order[id], entering, leaving) for id, node in taken.items()],
        "links": links,
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def _take_apart(id: str, raw: Mapping[str, Any], api: Mapping[str, Any], nodes: Descriptions) -> _Node:
    type_ = str(raw.get("class_type"))
    inputs = mapping(raw.get("inputs"))
    links = {name: link for name, value in inputs.items() if (link := _link(value, api))}
    literals = {name: _unwrap(value) for name, value in inputs.items() if name not in links}
    description = nodes.get(type_)
    if description is None:
        filled = Filled([InputSpec(name, "*", {"widgetType": "STRING"}) for name in literals], literals)
    else:
        filled = fill(declared(description), [], literals)
        filled.values.update({i.name: literals[i.name] for i in filled.inputs if i.name in literals and i.is_widget})
    widgets = tuple(i for i in filled.inputs if i.is_widget)
    named = {w.name for w in widgets}
    sockets = [(i.name, i.type) for i in filled.inputs if not i.is_widget and i.type != AUTOGROW]
    known = named | {name for name, _ in sockets}
    return _Node(
        id,
        type_,
        str(mapping(raw.get("_meta")).get("title") or ""),
        links,
        (*sockets, *((name, "*") for name in links if name not in known)),
        widgets,
        {w.name: _stored(w, filled.values.get(w.name, MISSING)) for w in widgets},
        _outputs(id, description, api),
    )


def _link(value: Any, api: Mapping[str, Any]) -> tuple[str, int] | None:
    """The link that a value is: a list of a node of this graph and a slot."""
    parts = sequence(value)
    if len(parts) != 2 or isinstance(parts[1], bool) or not isinstance(parts[1], int):
        return None
    return (str(parts[0]), parts[1]) if str(parts[0]) in api else None


def _unwrap(value: Any) -> Any:
    return mapping(value).get("__value__", value)


def _stored(widget: InputSpec, value: Any) -> Any:
    """A value as the widget keeps it: text that would be taken for a dynamic prompt is escaped."""
    if value is MISSING:
        return None
    dynamic = widget.options.get("dynamicPrompts") and isinstance(value, str)
    return literal(value) if dynamic else value


def _outputs(id: str, description: Mapping[str, Any] | None, api: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if description is not None:
        types = [str(t) if isinstance(t, str) else "COMBO" for t in sequence(list(description.get("output") or ()))]
        names = [*(description.get("output_name") or ()), *types[len(description.get("output_name") or ()) :]]
        return tuple((str(name), type_) for name, type_ in zip(names, types, strict=False))
    return ()


def _links(taken: Mapping[str, _Node]) -> Iterator[list[Any]]:
    number = 0
    for node in taken.values():
        slots = [name for name, _, _ in _slots(node)]
        for name, (origin, slot) in node.links.items():
            number += 1
            outputs = taken[origin].outputs
            type_ = outputs[slot][1] if 0 <= slot < len(outputs) else "*"
            yield [number, _id(origin), slot, _id(node.id), slots.index(name), type_]


def _slots(node: _Node) -> list[tuple[str, str, bool]]:
    """All slots of a node as (name, type, is a widget's): sockets first, as the editor writes them since 1.16."""
    sockets = [(name, type_, False) for name, type_ in node.sockets]
    return [*sockets, *((w.name, w.type, True) for w in node.widgets)]


def _id(id: str) -> int | str:
    """Numbers as the editor writes them; other ids, such as those of subgraphs, stay text."""
    number = integer(id)
    return number if number is not None and str(number) == id else id


# --- places --------------------------------------------------------------------------------------


def _places(taken: Mapping[str, _Node]) -> dict[str, tuple[int, int]]:
    """The top left corner of each node, columns from left to right."""
    places: dict[str, tuple[int, int]] = {}
    x = 0
    for column in _columns(taken):
        y = 0
        for id in sorted(column, key=lambda id: _middle(taken[id], places)):
            places[id] = (x, y)
            y += taken[id].height + GAP_Y
        x += max(taken[id].width for id in column) + GAP_X
    return places


def _columns(taken: Mapping[str, _Node]) -> list[list[str]]:
    """The nodes by the longest way from a source; those that feed each other in a circle share a column."""
    flow: nx.DiGraph[str] = nx.DiGraph()
    flow.add_nodes_from(taken)
    flow.add_edges_from((origin, node.id) for node in taken.values() for origin, _ in node.links.values())
    circles = nx.condensation(flow)
    columns = nx.topological_generations(circles)
    return [[id for circle in column for id in circles.nodes[circle]["members"]] for column in columns]


def _middle(node: _Node, places: Mapping[str, tuple[int, int]]) -> float:
    """The mean height of what feeds a node, so that links cross little."""
    heights = [places[origin][1] for origin, _ in node.links.values() if origin in places]
    return sum(heights) / len(heights) if heights else 0.0


# --- writing -------------------------------------------------------------------------------------


def _write(node: _Node, place: tuple[int, int], order: int, entering: _Ends, leaving: _Ends) -> dict[str, Any]:
    """A node as the editor saves it. entering, leaving: link ids by (node, slot)."""
    written: dict[str, Any] = {
        "id": _id(node.id),
        "type": node.type,
        "pos": list(place),
        "size": [node.width, node.height],
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": [_write_slot(node, at, slot, entering) for at, slot in enumerate(_slots(node))],
        "outputs": [
            {"name": name, "type": type_, "links": leaving.get((node.id, at), []), "slot_index": at}
            for at, (name, type_) in enumerate(node.outputs)
        ],
        "properties": {"Node name for S&R": node.type},
        "widgets_values": [value for w in node.widgets for value in (node.values[w.name], *_controls(w))],
    }
    if node.widgets:
        written["widgets_values_named"] = dict(node.values)
    return written | ({"title": node.title} if node.title else {})


def _write_slot(node: _Node, at: int, slot: tuple[str, str, bool], entering: _Ends) -> dict[str, Any]:
    name, type_, is_widget = slot
    link = entering.get((node.id, at), [None])[0]
    return {"name": name, "type": type_, "link": link, **({"widget": {"name": name}} if is_widget else {})}


def _controls(widget: InputSpec) -> list[str]:
    """The editor's own entries after a widget: what ran is what is shown, so seeds stay fixed."""
    return ["fixed", ""][: widget.controls]
