/** Bends of links on the canvas, and reroute nodes. */

import { REROUTE } from "../model/nodes";
import type { Bend, Document, Graph, Link, LinkId, Point } from "../model/types";
import { connect, sourceType } from "./links";
import { addNode } from "./nodes";
import { after, graphOf, onGraph, type Made, type Place } from "./place";

/** The bends of a link from its output to its input. */
export function bendsOf(graph: Graph, link: Link): Bend[] {
  const found: Bend[] = [];
  for (let at = link.bend; at !== undefined && found.length <= graph.bends.size;) {
    const bend = graph.bends.get(at);
    if (!bend) break;
    found.unshift(bend);
    at = bend.parent;
  }
  return found;
}

/** Bends a link; before: the place among its bends, by default the last. Links that share the way share the bend. */
export function addBend(at: Place, linkId: LinkId, pos: Point, before?: number): Document {
  return onGraph(at, (graph) => {
    const link = graph.links.get(linkId);
    if (!link) return graph;
    const chain = bendsOf(graph, link);
    const place = before ?? chain.length;
    const id = freeId(graph);
    const parent = chain[place - 1]?.id;
    const bends = new Map(graph.bends).set(id, { id, pos, ...(parent === undefined ? {} : { parent }) });
    const next = chain[place];
    if (next) return { ...graph, bends: bends.set(next.id, { ...next, parent: id }) };
    return { ...graph, bends, links: new Map(graph.links).set(linkId, { ...link, bend: id }) };
  });
}

function freeId(graph: Graph): string {
  return String(Math.max(0, ...[...graph.bends.keys()].map(Number).filter(Number.isSafeInteger)) + 1);
}

export function moveBend(at: Place, id: string, pos: Point): Document {
  return onGraph(at, (graph) => {
    const bend = graph.bends.get(id);
    return bend ? { ...graph, bends: new Map(graph.bends).set(id, { ...bend, pos }) } : graph;
  });
}

/** Links that went through a bend go straight on from the one before it. */
export function removeBend(at: Place, id: string): Document {
  return onGraph(at, (graph) => {
    const gone = graph.bends.get(id);
    if (!gone) return graph;
    const bends = new Map([...graph.bends].filter(([other]) => other !== id));
    for (const bend of bends.values()) if (bend.parent === id) bends.set(bend.id, withParent(bend, gone.parent));
    const links = new Map(
      [...graph.links].map(([key, link]) => [key, link.bend === id ? bent(link, gone.parent) : link]),
    );
    return { ...graph, bends, links };
  });
}

function withParent({ parent: _, ...bend }: Bend, parent: string | undefined): Bend {
  return { ...bend, ...(parent === undefined ? {} : { parent }) };
}

function bent({ bend: _, ...link }: Link, bend: string | undefined): Link {
  return { ...link, ...(bend === undefined ? {} : { bend }) };
}

/** Puts a reroute node into a link; the other links of the same output stay as they are. */
export function addReroute(at: Place, linkId: LinkId, pos: Point): Made {
  const graph = graphOf(at);
  const link = graph.links.get(linkId);
  if (!link) return { doc: at.doc, nodes: [] };
  const from = { node: link.from, slot: link.fromSlot };
  const made = addNode(at, REROUTE, pos);
  const reroute = { node: made.nodes[0]!, slot: 0 };
  const entered = after(at, connect(after(at, made.doc), from, reroute));
  const doc = connect(entered, reroute, { node: link.to, slot: link.toSlot });
  return { doc: typed({ ...at, doc }, reroute.node, sourceType(graph, from)), nodes: made.nodes };
}

/** Files name the type on the output of a reroute. */
function typed(at: Place, id: string, type: string): Document {
  return onGraph(at, (graph) => {
    const node = graph.nodes.get(id)!;
    const outputs = node.outputs.map((slot) => ({ ...slot, name: type, type }));
    return { ...graph, nodes: new Map(graph.nodes).set(id, { ...node, outputs }) };
  });
}
