/** Where an edit happens. Every edit takes a place and gives the document that there is afterwards. */

import type { Defs } from "../model/nodes";
import { INPUTS, OUTPUTS, ROOT, level, levels } from "../model/types";
import type { Definition, Document, Graph, LevelId, Link, Node, NodeId, Slot } from "../model/types";

export interface Place {
  readonly doc: Document;
  readonly level: LevelId;
  readonly defs: Defs;
}

/** A document, and what is new in it: what the editor should select. */
export interface Made {
  readonly doc: Document;
  readonly nodes: readonly NodeId[];
}

export function graphOf(at: Place): Graph {
  return level(at.doc, at.level);
}

/** The subgraph that is being edited; undefined at the root. */
export function definitionOf(at: Place): Definition | undefined {
  return at.doc.definitions.get(at.level);
}

export function put(at: Place, graph: Graph): Document {
  if (graph === graphOf(at)) return at.doc;
  if (at.level === ROOT) return { ...at.doc, root: graph };
  const definition = { ...at.doc.definitions.get(at.level)!, ...graph };
  return { ...at.doc, definitions: new Map(at.doc.definitions).set(at.level, definition) };
}

export function onGraph(at: Place, change: (graph: Graph) => Graph): Document {
  return put(at, change(graphOf(at)));
}

/** The same place in a later document. */
export function after(at: Place, doc: Document): Place {
  return { ...at, doc };
}

/** Changes one after the other. */
export function sequence(at: Place, ...changes: ((at: Place) => Document)[]): Document {
  return changes.reduce((doc, change) => change(after(at, doc)), at.doc);
}

export function onNode(at: Place, id: NodeId, change: (node: Node) => Node): Document {
  return onNodes(at, [id], change);
}

/** Nodes that are not there are passed over; nothing changes if no node does. */
export function onNodes(at: Place, ids: Iterable<NodeId>, change: (node: Node) => Node): Document {
  return onGraph(at, (graph) => {
    const nodes = new Map(graph.nodes);
    let changed = false;
    for (const id of ids) {
      const node = graph.nodes.get(id);
      const now = node && change(node);
      if (!now || now === node) continue;
      nodes.set(id, now);
      changed = true;
    }
    return changed ? { ...graph, nodes } : graph;
  });
}

/** The highest numbers given in any level: ids are unique in the whole document, as its other readers want. */
export function lastNumbers(doc: Document): { node: number; link: number } {
  const all = levels(doc).map(([, graph]) => graph);
  return { node: Math.max(...all.map((g) => g.lastNode)), link: Math.max(...all.map((g) => g.lastLink)) };
}

/** Without some links, and without the bends that only they went through. */
export function dropLinks(graph: Graph, gone: (link: Link) => boolean): Graph {
  const dropped = [...graph.links.values()].filter(gone);
  if (!dropped.length) return graph;
  const links = new Map([...graph.links].filter(([, link]) => !gone(link)));
  const used = bendsOn(graph, [...links.values()]);
  const unused = new Set([...bendsOn(graph, dropped)].filter((id) => !used.has(id)));
  const bends = unused.size ? new Map([...graph.bends].filter(([id]) => !unused.has(id))) : graph.bends;
  return { ...graph, links, bends };
}

/** The bends that links go through, directly or before another. */
export function bendsOn(graph: Graph, links: readonly Link[]): Set<string> {
  const used = new Set<string>();
  for (const link of links) {
    for (let id = link.bend; id !== undefined && !used.has(id); id = graph.bends.get(id)?.parent) used.add(id);
  }
  return used;
}

/** The outputs of a node, or of the border of a subgraph: its inputs, seen from inside. */
export function outputsOf(graph: Graph, id: NodeId): readonly Pick<Slot, "name" | "type">[] {
  if (id === INPUTS) return (graph as Partial<Definition>).inputs ?? [];
  return graph.nodes.get(id)?.outputs ?? [];
}

export function inputsOf(graph: Graph, id: NodeId): readonly Pick<Slot, "name" | "type" | "widget">[] {
  if (id === OUTPUTS) return (graph as Partial<Definition>).outputs ?? [];
  return graph.nodes.get(id)?.inputs ?? [];
}
