/** An editor workflow, version 0.4 or 1.0, becomes a document. */

import { fit } from "./fit";
import { withoutGroupNodes } from "./groupnodes";
import { key, list, number, numbers, object, objects, text } from "./json";
import type { Defs } from "./nodes";
import { readLinks } from "./readlinks";
import { readSlots } from "./slots";
import type {
  Bend,
  BorderSlot,
  Definition,
  Document,
  Flags,
  Graph,
  Group,
  Json,
  JsonObject,
  Node,
  Rect,
} from "./types";

/** Reads anything: what cannot be understood is kept and written back. Old group nodes become subgraphs. */
export function read(raw: JsonObject, defs: Defs): Document {
  return fit(parse(defs.size ? withoutGroupNodes(raw, defs) : raw), defs);
}

/** The structure only, without what the definitions of the nodes add. */
export function parse(raw: JsonObject): Document {
  const definitions = objects(object(raw.definitions).subgraphs).map(parseDefinition);
  return {
    root: parseGraph(raw, raw.version === 0.4),
    definitions: new Map(definitions.map((definition) => [definition.id, definition])),
    version: raw.version === 0.4 ? 0.4 : 1,
    raw,
  };
}

function parseDefinition(raw: JsonObject): Definition {
  return {
    ...parseGraph(raw, false),
    id: key(raw.id ?? ""),
    name: text(raw.name) ?? "",
    inputs: objects(raw.inputs).map(parseBorderSlot),
    outputs: objects(raw.outputs).map(parseBorderSlot),
    inputsAt: rect(object(raw.inputNode).bounding) ?? [-200, 0, 120, 60],
    outputsAt: rect(object(raw.outputNode).bounding) ?? [800, 0, 120, 60],
  };
}

function parseBorderSlot(raw: JsonObject): BorderSlot {
  const label = text(raw.label);
  return {
    id: key(raw.id ?? ""),
    name: text(raw.name) ?? "",
    type: text(raw.type) ?? "*",
    ...(label === undefined ? {} : { label }),
    raw,
  };
}

/** lists: whether links are lists, as version 0.4 exactly has them at the root, or objects. */
function parseGraph(raw: JsonObject, lists: boolean): Graph {
  const nodes = parseNodes(objects(raw.nodes));
  const bends = readBends(raw);
  const ids = [...nodes.keys()].map(Number).filter(Number.isSafeInteger);
  const state = object(raw.state);
  const graph = {
    nodes,
    links: new Map(),
    groups: parseGroups(objects(raw.groups)),
    bends,
    lastNode: Math.max(0, number(raw.last_node_id), number(state.lastNodeId), ...ids),
    lastLink: Math.max(number(raw.last_link_id), number(state.lastLinkId)),
    raw,
  };
  return { ...graph, ...readLinks(graph, raw, lists) };
}

/** Of two nodes with one id the later gets another, and no links. */
function parseNodes(stored: readonly JsonObject[]): Map<string, Node> {
  const nodes = new Map<string, Node>();
  const taken = new Set(stored.map((raw) => key(raw.id)));
  let next = Math.max(0, ...[...taken].map(Number).filter(Number.isSafeInteger));
  for (const raw of stored) {
    const node = parseNode(raw);
    const id = raw.id === undefined || nodes.has(node.id) ? String(++next) : node.id;
    nodes.set(id, id === node.id ? node : { ...node, id });
  }
  return nodes;
}

export function parseNode(raw: JsonObject): Node {
  const size = numbers(raw.size, 2);
  const [x = 0, y = 0] = numbers(raw.pos, 2) ?? [];
  return {
    id: key(raw.id ?? null),
    type: key(raw.type),
    pos: [x, y],
    ...(size ? { size: [size[0]!, size[1]!] as const } : {}),
    mode: number(raw.mode),
    flags: object(raw.flags) as Flags,
    ...optional(raw, "title", "color", "bgcolor"),
    inputs: readSlots(raw.inputs),
    outputs: readSlots(raw.outputs),
    values: {},
    properties: object(raw.properties),
    raw,
  };
}

function optional<K extends string>(raw: JsonObject, ...keys: K[]): Partial<Record<K, string>> {
  const found = keys.filter((k) => typeof raw[k] === "string").map((k) => [k, raw[k]]);
  return Object.fromEntries(found) as Partial<Record<K, string>>;
}

/** Of two groups with one id the later is known by its place. */
function parseGroups(stored: readonly JsonObject[]): Group[] {
  const taken = new Set<string>();
  return stored.map(parseGroup).map((group, i) => {
    const id = taken.has(group.id) ? `#${i}` : group.id;
    taken.add(id);
    return id === group.id ? group : { ...group, id };
  });
}

export function parseGroup(raw: JsonObject, index: number): Group {
  return {
    id: raw.id === undefined ? `#${index}` : key(raw.id),
    title: text(raw.title) ?? "",
    bounds: rect(raw.bounding) ?? [0, 0, 140, 80],
    ...optional(raw, "color"),
    ...(object(raw.flags).pinned === true ? { pinned: true } : {}),
    raw,
  };
}

/** Version 1.0 has them at the top, 0.4 in `extra`. */
function readBends(raw: JsonObject): Map<string, Bend> {
  const stored = [...objects(object(raw.extra).reroutes), ...objects(raw.reroutes)];
  return new Map(stored.map((bend) => [key(bend.id ?? null), parseBend(bend)]));
}

function parseBend(raw: JsonObject): Bend {
  const [x = 0, y = 0] = numbers(raw.pos, 2) ?? [];
  const parent = raw.parentId;
  return {
    id: key(raw.id ?? null),
    pos: [x, y],
    ...(parent === undefined || parent === null ? {} : { parent: key(parent) }),
    raw,
  };
}

function rect(raw: Json | undefined): Rect | undefined {
  const found = numbers(raw, 4);
  return found && [found[0]!, found[1]!, found[2]!, found[3]!];
}

/** Whether a JSON value is an editor workflow at all. */
export function isWorkflow(value: Json | undefined): value is JsonObject {
  return list(object(value).nodes).length > 0 || Array.isArray(object(value).nodes);
}
