"""The editor's old group nodes (`workflow>NAME`), rewritten as the subgraphs that replaced them.

Inner nodes take the next free ids in list order, and then the node itself does: node 37 of a workflow whose last id is
40, with nine inner nodes, becomes node 50, and they 41 to 49.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from executor.workflow.lenient import integer, key, mapping, sequence
from executor.workflow.widgets import CONTROLS, Descriptions, declared


def ungroup(workflow: Mapping[str, Any], nodes: Descriptions) -> dict[str, Any]:
    """The root of a workflow with its group nodes as instances of new definitions; nothing is changed in place."""
    groups = mapping(mapping(workflow.get("extra")).get("groupNodes"))
    root = dict(workflow)
    if not groups:
        return root
    last = last_id(workflow)
    kept: list[Any] = []
    renamed: dict[str, int] = {}
    definitions: list[Any] = []
    for raw in sequence(workflow.get("nodes")):
        group = mapping(groups.get(_group_name(mapping(raw).get("type"))))
        if not group:
            kept.append(raw)
            continue
        inner = list(range(last + 1, last + 1 + len(sequence(group.get("nodes")))))
        last += len(inner) + 1
        renamed[key(raw.get("id"))] = last
        definition = _definition(f"group:{last}", group, inner, nodes)
        definitions.append(definition)
        kept.append({**raw, "id": last, "type": definition["id"], **_promote(raw, definition, group, inner, nodes)})
    subgraphs = [*sequence(mapping(workflow.get("definitions")).get("subgraphs")), *definitions]
    links = [_relink(link, renamed) for link in sequence(workflow.get("links"))]
    return {**root, "nodes": kept, "links": links, "last_node_id": last, "definitions": {"subgraphs": subgraphs}}


def last_id(workflow: Mapping[str, Any]) -> int:
    """The highest id given so far, as the file says."""
    state = mapping(workflow.get("state"))
    return integer(workflow.get("last_node_id")) or integer(state.get("lastNodeId")) or 0


def _group_name(type_: Any) -> str:
    for prefix in ("workflow>", "workflow/"):
        if isinstance(type_, str) and type_.startswith(prefix):
            return type_.removeprefix(prefix)
    return ""


def _relink(link: Any, renamed: Mapping[str, int]) -> Any:
    if isinstance(link, dict):
        ends = {end: renamed.get(key(mapping(link).get(end)), mapping(link).get(end)) for end in _ENDS}
        return {**mapping(link), **ends}
    parts = sequence(link)
    return [renamed.get(key(p), p) if i in (1, 3) else p for i, p in enumerate(parts)]


_ENDS = ("origin_id", "target_id")


def _definition(id: str, group: Mapping[str, Any], inner: list[int], nodes: Descriptions) -> dict[str, Any]:
    members = [{**mapping(raw), "id": i} for i, raw in zip(inner, sequence(group.get("nodes")), strict=True)]
    links = [_object(link, number, inner) for number, link in enumerate(_inside(group, len(inner)))]
    ports = list(_ports(group, nodes))
    for slot, (member, at, _) in enumerate(ports):
        links.append(_link(-len(links) - 1, -10, slot, inner[member], at))
    outputs = list(_outputs(group, nodes))
    for slot, (member, at, _) in enumerate(outputs):
        links.append(_link(-len(links) - 1, inner[member], at, -20, slot))
    return {
        "id": id,
        "nodes": members,
        "links": links,
        "inputs": [{"name": name} for _, _, name in ports],
        "outputs": [{"name": name} for _, _, name in outputs],
        "group": True,
    }


def _link(id: int, origin: int, origin_slot: int, target: int, target_slot: int) -> dict[str, Any]:
    slots = {"origin_slot": origin_slot, "target_slot": target_slot}
    return {"id": id, "origin_id": origin, "target_id": target, **slots}


def _object(link: list[int], number: int, inner: list[int]) -> dict[str, Any]:
    return _link(-number - 1, inner[link[0]], link[1], inner[link[2]], link[3])


def _inside(group: Mapping[str, Any], count: int) -> list[list[int]]:
    """The links between members, as [from, slot, to, slot]; those from outside have no `from`."""
    links = [[integer(p) for p in sequence(link)[:4]] for link in sequence(group.get("links"))]
    whole = [[p for p in link if p is not None] for link in links]
    return [p for p in whole if len(p) == 4 and 0 <= p[0] < count and 0 <= p[2] < count]


def _slots(member: Mapping[str, Any], nodes: Descriptions) -> list[tuple[str, bool]]:
    """The input slots of a member as (name, whether it is a widget's)."""
    stored = sequence(member.get("inputs"))
    if not stored:
        specs = declared(nodes.get(str(member.get("type")), {}))
        return [(i.name, False) for i in specs if not i.is_widget]
    return [(str(mapping(s).get("name")), bool(mapping(s).get("widget"))) for s in stored]


def _ports(group: Mapping[str, Any], nodes: Descriptions) -> Iterator[tuple[int, int, str]]:
    """The inputs of the group as (member, slot, name): what is not linked inside, plain sockets first."""
    members = [mapping(m) for m in sequence(group.get("nodes"))]
    linked = {(link[2], link[3]) for link in _inside(group, len(members))}
    found: list[tuple[bool, int, int, str]] = []
    taken: set[str] = set()
    for index, member in enumerate(members):
        for slot, (name, is_widget) in enumerate(_slots(member, nodes)):
            type_ = mapping([*sequence(member.get("inputs")), *[None] * (slot + 1)][slot]).get("type")
            settings = mapping(_setting(group, index).get("input"))
            setting = mapping(settings.get(name) or settings.get(str(type_)))  # a reroute has no name
            if (index, slot) in linked or setting.get("visible") is False:
                continue
            shown = str(setting.get("name") or name or type_)
            if shown in taken:
                shown = f"{member.get('title') or member.get('type')} {shown}"
            taken.add(shown)
            found.append((is_widget, index, slot, shown))
    return ((index, slot, name) for _, index, slot, name in sorted(found, key=lambda port: port[0]))


def _outputs(group: Mapping[str, Any], nodes: Descriptions) -> Iterator[tuple[int, int, str]]:
    """The outputs as (member, slot, name): what is not used inside, and what is named as external."""
    members = [mapping(m) for m in sequence(group.get("nodes"))]
    used = {(link[0], link[1]) for link in _inside(group, len(members))}
    external = {_external(e) for e in sequence(group.get("external"))}
    for index, member in enumerate(members):
        stored = [str(mapping(o).get("name")) for o in sequence(member.get("outputs"))]
        names = stored or [str(n) for n in sequence(nodes.get(str(member.get("type")), {}).get("output_name"))]
        for slot, name in enumerate(names):
            setting = mapping(mapping(_setting(group, index).get("output")).get(str(slot)))
            if ((index, slot) in used and (index, slot) not in external) or setting.get("visible") is False:
                continue
            yield index, slot, str(setting.get("name") or name)


def _external(entry: Any) -> tuple[int | None, int | None]:
    parts = [*sequence(entry), None, None]
    node = mapping(parts[0]).get("index") if isinstance(parts[0], dict) else parts[0]
    return integer(node), integer(parts[1])


def _setting(group: Mapping[str, Any], index: int) -> dict[str, Any]:
    return mapping(mapping(group.get("config")).get(str(index)))


def _promote(
    raw: Mapping[str, Any],
    definition: Mapping[str, Any],
    group: Mapping[str, Any],
    inner: list[int],
    nodes: Descriptions,
) -> dict[str, Any]:
    """The values of a group node, which are those of its members one after the other, as promoted widgets."""
    linked = {(link[2], link[3]) for link in _inside(group, len(inner))}
    rest = sequence(raw.get("widgets_values"))[::-1]
    entries: list[list[str]] = []
    values: list[Any] = []
    for index, raw_member in enumerate(sequence(group.get("nodes"))):
        member = mapping(raw_member)
        fed = {name for slot, (name, _) in enumerate(_slots(member, nodes)) if (index, slot) in linked}
        hidden = {
            n for n, s in mapping(_setting(group, index).get("input")).items() if mapping(s).get("visible") is False
        }
        for name in _widgets(member, nodes):
            if name in fed | hidden or not rest:
                continue
            entries.append([str(inner[index]), name])
            values.append(rest.pop())
            if rest and isinstance(rest[-1], str) and rest[-1] in CONTROLS:
                rest.pop()
    properties = {**mapping(raw.get("properties")), "proxyWidgets": entries}
    return {"properties": properties, "widgets_values": values if not rest else []}


def _widgets(member: Mapping[str, Any], nodes: Descriptions) -> list[str]:
    """The widgets of a member; those that its type got after the file was written have no value."""
    if member.get("type") == "PrimitiveNode":
        return ["value"]
    specs = [i for i in declared(nodes.get(str(member.get("type")), {})) if i.is_widget]
    saved = member.get("widgets_values")
    if not isinstance(saved, list):
        return [i.name for i in specs]
    places = accumulate((1 + i.controls for i in specs), initial=0)
    return [i.name for i, place in zip(specs, places, strict=False) if place < len(sequence(saved))]
