/** Links: what may be connected to what, and doing it. */

import { PRIMITIVE, REROUTE } from "../model/nodes";
import { INPUTS, OUTPUTS, type Document, type Graph, type Link, type LinkId, type NodeId } from "../model/types";
import { after, dropLinks, graphOf, inputsOf, lastNumbers, onGraph, outputsOf, put, type Place } from "./place";
import { grow } from "./slots";

/** An output or an input of a node; the slot is its index. */
export interface End {
  readonly node: NodeId;
  readonly slot: number;
}

/** Why two ends cannot be connected. */
export type Refusal = "absent" | "type" | "cycle" | "widget";

/** Whether an output of type `source` may feed an input of type `target`: `*` takes anything, `A,B` takes either. */
export function compatible(source: string, target: string): boolean {
  if (source === target || source === "*" || target === "*") return true;
  const types = new Set(source.split(",").map((type) => type.trim()));
  return target.split(",").some((type) => types.has(type.trim()));
}

/** Null if the output may be connected to the input. */
export function refusal(at: Place, from: End, to: End): Refusal | null {
  const graph = graphOf(at);
  const output = outputsOf(graph, from.node)[from.slot];
  const input = inputsOf(graph, to.node)[to.slot];
  if (!output || !input) return "absent";
  if (!suits(at, from, to)) return "widget";
  if (!compatible(sourceType(graph, from), targetType(graph, to))) return "type";
  return leadsTo(graph, to.node, from.node) ? "cycle" : null;
}

/** A primitive fills in widgets only. It does not reach into a subgraph: the standard's editor ignores it there. */
export function suits(at: Place, from: End, to: End): boolean {
  const { nodes } = graphOf(at);
  const node = nodes.get(to.node);
  if (nodes.get(from.node)?.type !== PRIMITIVE) return true;
  return node?.inputs[to.slot]?.widget !== undefined && !at.doc.definitions.has(node.type);
}

export function canConnect(at: Place, from: End, to: End): boolean {
  return refusal(at, from, to) === null;
}

/** The type of what comes out: of a reroute, what goes in. */
export function sourceType(graph: Graph, from: End): string {
  const seen = new Set<NodeId>();
  let end = from;
  while (graph.nodes.get(end.node)?.type === REROUTE && !seen.has(end.node)) {
    seen.add(end.node);
    const link = linkInto(graph, { node: end.node, slot: 0 });
    if (!link) return targetType(graph, { node: end.node, slot: 0 });
    end = { node: link.from, slot: link.fromSlot };
  }
  return outputsOf(graph, end.node)[end.slot]?.type ?? "*";
}

/** The type of what is taken: by a reroute, what those behind it take. */
export function targetType(graph: Graph, to: End, seen: ReadonlySet<NodeId> = new Set()): string {
  if (graph.nodes.get(to.node)?.type !== REROUTE) return inputsOf(graph, to.node)[to.slot]?.type ?? "*";
  if (seen.has(to.node)) return "*";
  const path = new Set(seen).add(to.node);
  const behind = linksFrom(graph, { node: to.node, slot: 0 });
  const types = behind.map((link) => targetType(graph, { node: link.to, slot: link.toSlot }, path));
  return types.find((type) => type !== "*") ?? "*";
}

export function linkInto(graph: Graph, to: End): Link | undefined {
  for (const link of graph.links.values()) if (link.to === to.node && link.toSlot === to.slot) return link;
  return undefined;
}

export function linksFrom(graph: Graph, from: End): Link[] {
  return [...graph.links.values()].filter((link) => link.from === from.node && link.fromSlot === from.slot);
}

/** Whether there is a way along links from one node to another; the border of a subgraph leads nowhere. */
export function leadsTo(graph: Graph, from: NodeId, to: NodeId): boolean {
  if (from === to) return from !== INPUTS && from !== OUTPUTS;
  const next = new Map<NodeId, NodeId[]>();
  for (const link of graph.links.values()) next.set(link.from, [...(next.get(link.from) ?? []), link.to]);
  const seen = new Set([from]);
  for (const id of seen) {
    if (id === to) return true;
    for (const behind of next.get(id) ?? []) seen.add(behind);
  }
  return false;
}

/** Connects an output to an input, whose link, if it has one, is replaced. What cannot be connected stays as it is. */
export function connect(at: Place, from: End, to: End): Document {
  if (!canConnect(at, from, to)) return at.doc;
  const graph = graphOf(at);
  const old = linkInto(graph, to);
  if (old && old.from === from.node && old.fromSlot === from.slot) return at.doc;
  const id = lastNumbers(at.doc).link + 1;
  const type = linkType(sourceType(graph, from), targetType(graph, to));
  const link: Link = { id: String(id), from: from.node, fromSlot: from.slot, to: to.node, toSlot: to.slot, type };
  const cleared = old ? dropLinks(graph, (other) => other === old) : graph;
  const links = new Map(cleared.links).set(link.id, link);
  return grow(after(at, put(at, { ...cleared, links, lastLink: id })), from, to);
}

function linkType(source: string, target: string): string {
  return source === "*" ? target : source;
}

export function disconnect(at: Place, ids: Iterable<LinkId>): Document {
  const gone = new Set(ids);
  return onGraph(at, (graph) => dropLinks(graph, (link) => gone.has(link.id)));
}

/** Takes off whatever enters an input. */
export function clearInput(at: Place, to: End): Document {
  const link = linkInto(graphOf(at), to);
  return link ? disconnect(at, [link.id]) : at.doc;
}
