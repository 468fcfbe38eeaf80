/**
 * The standard editor's old group nodes (`workflow>NAME`, drawn in `extra.groupNodes`), rewritten as the subgraphs that
 * replaced them, as the standard's editor does when it opens such a file.
 *
 * Inner nodes take the next free ids in list order, then the node itself does: what runs has the ids that the server
 * gives it too. See `executor/workflow/groupnodes.py`.
 */

import { isObject, key, list, number, object, objects, text } from "./json";
import type { Defs } from "./nodes";
import { slotsOf } from "./slots";
import type { Json, JsonObject } from "./types";
import { uuid } from "./uuid";
import { isControl, widgetsOf } from "./widgets";

type Member = JsonObject;
type Inside = readonly [from: number, fromSlot: number, to: number, toSlot: number];

/** A port of the group: a slot of one of its members, and the name that it has outside. */
interface Port {
  readonly member: number;
  readonly slot: number;
  readonly name: string;
  readonly type: string;
  readonly widget: boolean;
}

interface Group {
  readonly raw: JsonObject;
  readonly members: readonly Member[];
  readonly inside: readonly Inside[];
  readonly defs: Defs;
}

/** The same file if it has no group nodes. */
export function withoutGroupNodes(raw: JsonObject, defs: Defs): JsonObject {
  const groups = object(object(raw.extra).groupNodes);
  const nodes = objects(raw.nodes);
  if (!nodes.some((node) => groupOf(node, groups))) return raw;
  let last = number(raw.last_node_id) || number(object(raw.state).lastNodeId);
  const renamed = new Map<string, number>();
  const definitions: JsonObject[] = [];
  const kept = nodes.map((node) => {
    const found = groupOf(node, groups);
    if (!found) return node;
    const group: Group = { raw: found, members: objects(found.nodes), inside: insideOf(found), defs };
    const ids = group.members.map((_, i) => last + 1 + i);
    last += ids.length + 1;
    renamed.set(key(node.id), last);
    const definition = definitionOf(group, ids, nameOf(node.type));
    definitions.push(definition);
    return { ...node, id: last, type: definition.id!, ...instanceOf(node, group, ids) };
  });
  const subgraphs = [...objects(object(raw.definitions).subgraphs), ...definitions];
  const links = list(raw.links).map((link) => relinked(link, renamed));
  const counter =
    "last_node_id" in raw ? { last_node_id: last } : { state: { ...object(raw.state), lastNodeId: last } };
  return { ...raw, nodes: kept, links, ...counter, definitions: { ...object(raw.definitions), subgraphs } };
}

function nameOf(type: Json | undefined): string {
  return /^workflow[>/](.+)$/s.exec(text(type) ?? "")?.[1] ?? "";
}

function groupOf(node: JsonObject, groups: JsonObject): JsonObject | undefined {
  const name = nameOf(node.type);
  const found = name ? groups[name] : undefined;
  return isObject(found) ? found : undefined;
}

function relinked(link: Json, renamed: ReadonlyMap<string, number>): Json {
  const now = (id: Json | undefined) => renamed.get(key(id)) ?? id ?? null;
  if (Array.isArray(link)) return (link as Json[]).map((part, i) => (i === 1 || i === 3 ? now(part) : part));
  return isObject(link) ? { ...link, origin_id: now(link.origin_id), target_id: now(link.target_id) } : link;
}

/** The links between members; those from outside name no member. */
function insideOf(raw: JsonObject): Inside[] {
  const count = objects(raw.nodes).length;
  return list(raw.links).flatMap((link) => {
    const parts = list(link).slice(0, 4);
    if (parts.length < 4 || parts.some((part) => typeof part !== "number")) return [];
    const [from, , to] = parts as unknown as Inside;
    return from >= 0 && from < count && to >= 0 && to < count ? [parts as unknown as Inside] : [];
  });
}

function definitionOf(group: Group, ids: readonly number[], name: string): JsonObject {
  const [inputs, outputs] = [inputsOf(group), outputsOf(group)];
  const type = (from: number, slot: number) => key(objects(group.members[from]?.outputs)[slot]?.type ?? "*");
  const links = [
    ...group.inside.map(([from, fromSlot, to, toSlot]) => [ids[from], fromSlot, ids[to], toSlot, type(from, fromSlot)]),
    ...inputs.map((port, slot) => [-10, slot, ids[port.member], port.slot, port.type]),
    ...outputs.map((port, slot) => [ids[port.member], port.slot, -20, slot, port.type]),
  ].map(([origin_id, origin_slot, target_id, target_slot, linkType], i): JsonObject => ({
    id: i + 1,
    ...{ origin_id: origin_id!, origin_slot: origin_slot!, target_id: target_id!, target_slot: target_slot! },
    type: linkType!,
  }));
  const border = (ports: readonly Port[]) => ports.map((port) => ({ id: uuid(), name: port.name, type: port.type }));
  const right = Math.max(0, ...group.members.map((member) => number(list(member.pos)[0] ?? object(member.pos)["0"])));
  return {
    id: uuid(),
    version: 1,
    revision: 0,
    name,
    config: {},
    state: { lastGroupId: 0, lastNodeId: ids.at(-1) ?? 0, lastLinkId: links.length, lastRerouteId: 0 },
    inputNode: { id: -10, bounding: [-300, 0, 120, 60] },
    outputNode: { id: -20, bounding: [right + 500, 0, 120, 60] },
    inputs: border(inputs),
    outputs: border(outputs),
    widgets: [],
    nodes: group.members.map((member, i) => unlinked({ ...member, id: ids[i]! })),
    groups: [],
    links,
    extra: {},
  };
}

/** The links that members name are those of the graph that the group was made in. */
function unlinked(member: JsonObject): JsonObject {
  const inputs = objects(member.inputs).map((slot) => ({ ...slot, link: null }));
  const outputs = objects(member.outputs).map((slot) => ({ ...slot, links: [] }));
  return { ...member, ...("inputs" in member ? { inputs } : {}), ...("outputs" in member ? { outputs } : {}) };
}

function setting(group: Group, member: number, side: "input" | "output"): JsonObject {
  return object(object(object(group.raw.config)[String(member)])[side]);
}

function slotsOfMember(member: Member, defs: Defs): { name: string; type: string; widget: boolean }[] {
  const stored = objects(member.inputs);
  const def = defs.get(key(member.type));
  if (!stored.length && def)
    return slotsOf(def, {})
      .filter((slot) => !slot.widget)
      .map((s) => ({ ...s, widget: false }));
  return stored.map((slot) => ({
    name: key(slot.name ?? ""),
    type: key(slot.type ?? "*"),
    widget: isObject(slot.widget),
  }));
}

/** What is not linked inside, plain sockets first. */
function inputsOf(group: Group): Port[] {
  const linked = new Set(group.inside.map(([, , to, slot]) => `${to} ${slot}`));
  const taken = new Set<string>();
  const ports: Port[] = [];
  group.members.forEach((member, index) => {
    slotsOfMember(member, group.defs).forEach(({ name, type, widget }, slot) => {
      const settings = setting(group, index, "input");
      const own = object(settings[name] ?? settings[type]); // a reroute has no name
      if (linked.has(`${index} ${slot}`) || own.visible === false) return;
      const wanted = text(own.name) || name || type;
      const shown = taken.has(wanted) ? `${text(member.title) || key(member.type)} ${wanted}` : wanted;
      taken.add(shown);
      ports.push({ member: index, slot, name: shown, type, widget });
    });
  });
  return [...ports.filter((port) => !port.widget), ...ports.filter((port) => port.widget)];
}

/** What is not used inside, and what is named as external. */
function outputsOf(group: Group): Port[] {
  const used = new Set(group.inside.map(([from, slot]) => `${from} ${slot}`));
  const external = new Set(list(group.raw.external).map((entry) => externalOf(list(entry))));
  return group.members.flatMap((member, index) => {
    const stored = objects(member.outputs).map((slot) => ({ name: key(slot.name ?? ""), type: key(slot.type ?? "*") }));
    const outputs = stored.length ? stored : (group.defs.get(key(member.type))?.outputs ?? []);
    return outputs.flatMap(({ name, type }, slot): Port[] => {
      const own = object(setting(group, index, "output")[String(slot)]);
      const place = `${index} ${slot}`;
      if ((used.has(place) && !external.has(place)) || own.visible === false) return [];
      return [{ member: index, slot, name: text(own.name) || name, type, widget: false }];
    });
  });
}

function externalOf([node, slot]: readonly Json[]): string {
  return `${isObject(node) ? key(node.index) : key(node)} ${key(slot)}`;
}

/** The values of a group node are those of its members one after the other: as proxies they are named. */
function instanceOf(node: JsonObject, group: Group, ids: readonly number[]): JsonObject {
  const linked = new Set(group.inside.map(([, , to, slot]) => `${to} ${slot}`));
  const rest = [...list(node.widgets_values)];
  const entries: Json[] = [];
  const values: Json[] = [];
  group.members.forEach((member, index) => {
    const slots = slotsOfMember(member, group.defs);
    const fed = new Set(slots.filter((_, slot) => linked.has(`${index} ${slot}`)).map((slot) => slot.name));
    const settings = Object.entries(setting(group, index, "input"));
    const hidden = new Set(settings.filter(([, own]) => object(own).visible === false).map(([name]) => name));
    for (const name of widgetNames(member, group.defs)) {
      if (fed.has(name) || hidden.has(name) || !rest.length) continue;
      entries.push([String(ids[index]), name]);
      values.push(rest.shift()!);
      if (isControl(rest[0])) rest.shift();
    }
  });
  const properties = { ...object(node.properties), proxyWidgets: entries };
  return { properties, widgets_values: rest.length ? [] : values };
}

/** Those that the type of a member got after the file was written have no value. */
function widgetNames(member: Member, defs: Defs): string[] {
  if (member.type === "PrimitiveNode") return ["value"];
  const def = defs.get(key(member.type));
  const widgets = def ? widgetsOf(def, {}) : [];
  const count = Array.isArray(member.widgets_values) ? list(member.widgets_values).length : widgets.length;
  return widgets.flatMap((widget, place) => (widget.role === "value" && place < count ? [widget.name] : []));
}
