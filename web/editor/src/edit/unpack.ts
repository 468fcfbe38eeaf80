/** Unpacking: the inside of a subgraph in place of a node that stands for it. */

import { minus } from "../model/geometry";
import { defOf, proxiesOf } from "../model/instances";
import { ACTIVE, INPUTS, OUTPUTS } from "../model/types";
import type { Definition, Document, Graph, Json, Link, Node, NodeId } from "../model/types";
import { corner } from "./clipboard";
import { linkInto, linksFrom, type End } from "./links";
import { merge } from "./merge";
import { removeNodes } from "./nodes";
import { after, graphOf, lastNumbers, put, type Made, type Place } from "./place";

/** What the node gave to the inside, its values and links, the inner nodes have afterwards. */
export function unpack(at: Place, id: NodeId): Made {
  const host = graphOf(at).nodes.get(id);
  const definition = host && at.doc.definitions.get(host.type);
  if (!host || !definition) return { doc: at.doc, nodes: [] };
  const inner = { ...definition, nodes: given(at, host, definition) };
  const { doc, ids } = merge(at, inner, minus(host.pos, corner(definition)));
  const joined = join(after(at, doc), host, definition, ids);
  return { doc: removeNodes(after(at, joined), [id]), nodes: [...ids.values()] };
}

/** The inner nodes with the values that the instance gives them; muted or bypassed if it is. */
function given(at: Place, host: Node, definition: Definition): Map<NodeId, Node> {
  const nodes = new Map(definition.nodes);
  if (host.mode !== ACTIVE) for (const node of nodes.values()) nodes.set(node.id, { ...node, mode: host.mode });
  const give = (id: NodeId, name: string, value: Json) => {
    const node = nodes.get(id);
    if (node) nodes.set(id, { ...node, values: { ...node.values, [name]: value } });
  };
  const linked = new Set(
    host.inputs.filter((_, slot) => linkInto(graphOf(at), { node: host.id, slot })).map((s) => s.name),
  );
  for (const { name, widget, default: inner } of defOf(at.doc, host, at.defs)?.inputs ?? []) {
    const targets = targetsOf(host, definition, name);
    const value = host.values[name] ?? (targets.length > 1 ? inner : undefined); // of several the first decides
    if (!widget || value === undefined || linked.has(name)) continue;
    for (const [id, target] of targets) give(id, target, value);
  }
  return nodes;
}

/** The inner widgets that a value of an instance is for. */
function targetsOf(host: Node, definition: Definition, name: string): [NodeId, string][] {
  const slot = definition.inputs.findIndex((input) => input.name === name);
  const fed = [...definition.links.values()].filter((link) => link.from === INPUTS && link.fromSlot === slot);
  if (slot >= 0) return fed.map((link) => [link.to, definition.nodes.get(link.to)?.inputs[link.toSlot]?.name ?? ""]);
  return proxiesOf(host.properties)
    .filter((proxy) => proxy.widget === name || `${proxy.node}.${proxy.widget}` === name)
    .slice(0, 1)
    .map((proxy) => [proxy.node, proxy.widget]);
}

/** What was linked to the instance is linked to what is inside, also straight through it. */
function join(at: Place, host: Node, definition: Definition, ids: ReadonlyMap<NodeId, NodeId>): Document {
  const graph = graphOf(at);
  const source = (slot: number): End | undefined => {
    const name = definition.inputs[slot]?.name;
    const link = linkInto(graph, { node: host.id, slot: host.inputs.findIndex((input) => input.name === name) });
    return link && { node: link.from, slot: link.fromSlot };
  };
  const inwards = [...definition.links.values()].filter((link) => link.from === INPUTS && ids.has(link.to));
  const entering = inwards.flatMap((link) =>
    joint(source(link.fromSlot), { node: ids.get(link.to)!, slot: link.toSlot }, link),
  );
  const leaving = definition.outputs.flatMap((_, slot) => {
    const inner = linkInto(definition, { node: OUTPUTS, slot });
    const from = inner && (inner.from === INPUTS ? source(inner.fromSlot) : innerEnd(inner, ids));
    return linksFrom(graph, { node: host.id, slot }).flatMap((link) =>
      joint(from, { node: link.to, slot: link.toSlot }, link),
    );
  });
  return put(at, withLinks(at, graph, [...entering, ...leaving]));
}

function innerEnd(link: Link, ids: ReadonlyMap<NodeId, NodeId>): End | undefined {
  const node = ids.get(link.from);
  return node === undefined ? undefined : { node, slot: link.fromSlot };
}

function joint(from: End | undefined, to: End, { type }: Link): Omit<Link, "id">[] {
  return from ? [{ from: from.node, fromSlot: from.slot, to: to.node, toSlot: to.slot, type }] : [];
}

/** New links, each in place of what entered the same input. */
function withLinks(at: Place, graph: Graph, made: readonly Omit<Link, "id">[]): Graph {
  const last = lastNumbers(at.doc).link;
  const entered = new Set(made.map((link) => `${link.to} ${link.toSlot}`));
  const kept = [...graph.links.values()].filter((link) => !entered.has(`${link.to} ${link.toSlot}`));
  const links = [...kept, ...made.map((link, i): Link => ({ ...link, id: String(last + i + 1) }))];
  return { ...graph, links: new Map(links.map((link) => [link.id, link])), lastLink: last + made.length };
}

/** Whether a node has an inside to go to. */
export function canUnpack(at: Place, id: NodeId): boolean {
  const node = graphOf(at).nodes.get(id);
  return node !== undefined && at.doc.definitions.has(node.type) && defOf(at.doc, node, at.defs) !== undefined;
}
