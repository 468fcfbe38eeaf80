/** Copy and paste. What is copied is text: a small workflow of its own, which any editor of the standard can read. */

import { isObject, key, list, same } from "../model/json";
import { minus, union } from "../model/geometry";
import { isWorkflow, read } from "../model/read";
import type { Definition, Document, Graph, Json, JsonObject, Link, NodeId, Point } from "../model/types";
import { uuid } from "../model/uuid";
import { write } from "../model/write";
import { connect, type End } from "./links";
import { merge, part } from "./merge";
import { after, graphOf, type Made, type Place } from "./place";

/** Tells text that was copied here, to be put into the graph, from a workflow, to be opened. */
const MARK = "mezzotint_selection";
const ENTERING = "mezzotint_entering";

export interface Selection {
  readonly nodes: Iterable<NodeId>;
  readonly groups?: Iterable<string>;
}

export function copy(at: Place, selection: Selection): string {
  const graph = graphOf(at);
  const ids = new Set(selection.nodes);
  const chosen = part(graph, ids, new Set(selection.groups));
  const doc: Document = { root: chosen, definitions: needed(at.doc, chosen), version: 0.4 };
  const entering = enteringLinks(graph, ids).map(({ from, fromSlot, to, toSlot }) => [from, fromSlot, to, toSlot]);
  return JSON.stringify({ ...write(doc, at.defs), [MARK]: 1, [ENTERING]: entering });
}

/** The subgraphs that nodes stand for, with those inside them. */
function needed(doc: Document, graph: Graph): Map<string, Definition> {
  const found = new Map<string, Definition>();
  const visit = (inner: Graph) => {
    for (const { type } of inner.nodes.values()) {
      const definition = doc.definitions.get(type);
      if (!definition || found.has(type)) continue;
      found.set(type, definition);
      visit(definition);
    }
  };
  visit(graph);
  return found;
}

function enteringLinks(graph: Graph, ids: ReadonlySet<NodeId>): Link[] {
  return [...graph.links.values()].filter((link) => ids.has(link.to) && !ids.has(link.from));
}

/** What text holds, if it is something that can be pasted into a graph. */
export function pasteable(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) && isWorkflow(value) && MARK in value ? value : null;
  } catch {
    return null;
  }
}

/** Pastes with the upper left corner at `pos`. linked: what fed the copied nodes feeds the new ones too. */
export function paste(at: Place, copied: JsonObject, pos: Point, linked = false): Made & { groups: readonly string[] } {
  const source = adopted(at.doc, read(copied, at.defs));
  const definitions = new Map([...at.doc.definitions, ...source.definitions]);
  const there = after(at, { ...at.doc, definitions });
  const { doc, ids, groups } = merge(there, source.root, minus(pos, corner(source.root)));
  const entering = linked ? list(copied[ENTERING]).map((link) => list(link)) : [];
  const done = entering.reduce((now, [from, fromSlot, to, toSlot]) => {
    const target: End = { node: ids.get(key(to)) ?? "", slot: Number(toSlot) };
    return connect(after(at, now), { node: key(from), slot: Number(fromSlot) }, target);
  }, doc);
  return { doc: done, nodes: [...ids.values()], groups };
}

export function corner(graph: Graph): Point {
  const points = [...graph.nodes.values()].map((node) => node.pos);
  const groups = graph.groups.map((group) => group.bounds);
  const all = union([...points.map(([x, y]) => [x, y, 0, 0] as const), ...groups]);
  return all ? [all[0], all[1]] : [0, 0];
}

/** A subgraph that this document has too is the same one; another one under the same id gets an id of its own. */
function adopted(doc: Document, source: Document): Document {
  const names = new Map<string, string>();
  for (const [id, definition] of source.definitions) {
    const mine = doc.definitions.get(id);
    if (mine && !same(drawn(mine), drawn(definition))) names.set(id, uuid());
  }
  const retyped = <G extends Graph>(graph: G): G => ({
    ...graph,
    nodes: new Map([...graph.nodes].map(([id, node]) => [id, { ...node, type: names.get(node.type) ?? node.type }])),
  });
  const definitions = [...source.definitions].map(([id, definition]) => {
    const known = !names.has(id) && doc.definitions.get(id);
    const own = names.get(id) ?? id;
    return [own, known || { ...retyped(definition), id: own }] as const;
  });
  return { ...source, root: retyped(source.root), definitions: new Map(definitions) };
}

/** What a subgraph is, without what its file says beside. */
function drawn(definition: Definition): unknown {
  const nodes = [...definition.nodes.values()].map(({ id, type, mode, values }) => ({ id, type, mode, values }));
  const links = [...definition.links.values()].map(({ from, fromSlot, to, toSlot }) => [from, fromSlot, to, toSlot]);
  const border = (slots: Definition["inputs"]) => slots.map(({ name, type }) => ({ name, type }));
  return { nodes, links, inputs: border(definition.inputs), outputs: border(definition.outputs) };
}

/** Copies beside the originals. linked: what feeds the originals feeds the copies too. */
export function duplicate(
  at: Place,
  selection: Selection,
  by: Point,
  linked = true,
): Made & { groups: readonly string[] } {
  const graph = graphOf(at);
  const chosen = new Set(selection.nodes);
  const { doc, ids, groups } = merge(at, part(graph, chosen, new Set(selection.groups)), by);
  const done = (linked ? enteringLinks(graph, chosen) : []).reduce(
    (now, link) =>
      connect(after(at, now), { node: link.from, slot: link.fromSlot }, { node: ids.get(link.to)!, slot: link.toSlot }),
    doc,
  );
  return { doc: done, nodes: [...ids.values()], groups };
}
