/** What changed between two API graphs: which nodes, which inputs, from what to what. Pure. */

import { isObject, object, same, text } from "../model/json";
import type { Json, JsonObject, NodeId } from "../model/types";

export interface Change {
  readonly node: NodeId;
  /** Its id before, where that was another one. */
  readonly was?: NodeId;
  /** Of the node, for people. */
  readonly title: string;
  readonly kind: "changed" | "added" | "removed";
  /** Absent: the node as a whole. */
  readonly input?: string;
  readonly before?: string;
  readonly after?: string;
}

const LONGEST = 2_000;

export function changes(before: JsonObject, after: JsonObject): Change[] {
  const pairs = match(before, after);
  const old = new Map([...pairs].map(([was, is]) => [is, was]));
  const gone = Object.keys(before).filter((id) => isNode(before[id]) && !pairs.has(id));
  const come = Object.keys(after).filter((id) => isNode(after[id]) && !old.has(id));
  return [
    ...[...pairs].flatMap(([was, is]) => ofNode(before, was, after, is, pairs)),
    ...gone.map((id): Change => ({ node: id, title: title(before, id), kind: "removed" })),
    ...come.map((id): Change => ({ node: id, title: title(after, id), kind: "added" })),
  ];
}

/** From the nodes of the one to those of the other: by id, else by type and title where that is clear. */
function match(before: JsonObject, after: JsonObject): Map<NodeId, NodeId> {
  const pairs = new Map<NodeId, NodeId>();
  for (const id of Object.keys(before)) {
    if (isNode(before[id]) && type(before, id) === type(after, id)) pairs.set(id, id);
  }
  const taken = new Set(pairs.values());
  const left = Object.keys(after).filter((id) => isNode(after[id]) && !taken.has(id));
  for (const id of Object.keys(before).filter((id) => isNode(before[id]) && !pairs.has(id))) {
    const alike = left.filter((other) => type(after, other) === type(before, id));
    const named = alike.find((other) => title(after, other) === title(before, id));
    const found = named ?? (alike.length === 1 ? alike[0] : undefined);
    if (found === undefined) continue;
    pairs.set(id, found);
    left.splice(left.indexOf(found), 1);
  }
  return pairs;
}

function ofNode(
  before: JsonObject,
  was: NodeId,
  after: JsonObject,
  is: NodeId,
  pairs: ReadonlyMap<NodeId, NodeId>,
): Change[] {
  const [old, now] = [inputs(before, was), inputs(after, is)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return names
    .filter((input) => !equal(old[input], now[input], pairs))
    .map((input) => ({
      node: is,
      ...(was === is ? {} : { was }),
      title: title(after, is),
      kind: "changed",
      input,
      ...shown("before", old[input], before),
      ...shown("after", now[input], after),
    }));
}

function equal(old: Json | undefined, now: Json | undefined, pairs: ReadonlyMap<NodeId, NodeId>): boolean {
  const [from, to] = [link(old), link(now)];
  return from && to ? pairs.get(from[0]) === to[0] && from[1] === to[1] : same(old, now);
}

function shown(key: "before" | "after", value: Json | undefined, graph: JsonObject): Partial<Change> {
  return value === undefined ? {} : { [key]: describe(value, graph) };
}

/** A value as people read it; a link as the node that it comes from. */
export function describe(value: Json, graph: JsonObject): string {
  const from = link(value);
  if (from) return `← ${title(graph, from[0])} #${from[0]} [${from[1]}]`;
  if (typeof value === "string") return value.slice(0, LONGEST);
  if (typeof value === "bigint") return value.toString();
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? Number(inner) : inner)).slice(
    0,
    LONGEST,
  );
}

function link(value: Json | undefined): [NodeId, number] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [id, slot] = value as readonly Json[];
  return (typeof id === "string" || typeof id === "number") && typeof slot === "number"
    ? [String(id), slot]
    : undefined;
}

function isNode(value: Json | undefined): boolean {
  return isObject(value) && typeof value.class_type === "string";
}

function type(graph: JsonObject, id: NodeId): string {
  return text(object(graph[id]).class_type) ?? "";
}

function title(graph: JsonObject, id: NodeId): string {
  return text(object(object(graph[id])._meta).title) || type(graph, id) || id;
}

function inputs(graph: JsonObject, id: NodeId): JsonObject {
  return object(object(graph[id]).inputs);
}
