/** Nodes: making, removing, moving, and how they look. */

import { defOf } from "../model/instances";
import { PRIMITIVE } from "../model/nodes";
import { slotsOf } from "../model/slots";
import { ACTIVE, BYPASSED, MUTED } from "../model/types";
import type { Document, Flags, Graph, Node, NodeId, Point, Size, Values } from "../model/types";
import { defaultValues } from "../model/widgets";
import { connect, linkInto, refusal, type End } from "./links";
import { after, dropLinks, graphOf, lastNumbers, onGraph, onNode, onNodes, put, type Made, type Place } from "./place";

/** A node of a type as it is when it is new, without a place in a document. */
export function newNode(at: Place, type: string, pos: Point, values: Values = {}): Omit<Node, "id"> {
  const blank = { id: "", type, pos, mode: ACTIVE, flags: {}, inputs: [], outputs: [], values: {}, properties: {} };
  const def = defOf(at.doc, blank, at.defs);
  const instance = at.doc.definitions.has(type);
  const all = def && !instance ? { ...defaultValues(def), ...values } : values;
  return {
    ...blank,
    values: all,
    inputs: def ? slotsOf(def, all) : [],
    outputs: def ? def.outputs.map((output) => ({ name: output.name, type: output.type })) : [],
    properties: def && def.pack !== "editor" && !instance ? { "Node name for S&R": type } : {},
  };
}

export function addNode(at: Place, type: string, pos: Point, values?: Values): Made {
  return insert(at, [newNode(at, type, pos, values)]);
}

/** Nodes get new ids and come on top. */
export function insert(at: Place, nodes: readonly Omit<Node, "id">[]): Made {
  const first = lastNumbers(at.doc).node + 1;
  const made = nodes.map((node, i): Node => ({ ...node, id: String(first + i) }));
  const doc = onGraph(at, (graph) => ({
    ...graph,
    nodes: new Map([...graph.nodes, ...made.map((node) => [node.id, node] as const)]),
    lastNode: first + made.length - 1,
  }));
  return { doc, nodes: made.map((node) => node.id) };
}

/** Removes nodes, with all their links. */
export function removeNodes(at: Place, ids: Iterable<NodeId>): Document {
  const gone = new Set(ids);
  return onGraph(at, (graph) => {
    const nodes = new Map([...graph.nodes].filter(([id]) => !gone.has(id)));
    if (nodes.size === graph.nodes.size) return graph;
    return { ...dropLinks(graph, (link) => gone.has(link.from) || gone.has(link.to)), nodes };
  });
}

/** Removes nodes and connects what they stood between, as bypassing them would. */
export function dissolve(at: Place, ids: readonly NodeId[]): Document {
  return ids.reduce((doc, id) => {
    const here = after(at, doc);
    const bridges = bridgesOver(graphOf(here), id);
    const without = after(at, removeNodes(here, [id]));
    return bridges.reduce((d, [from, to]) => connect(after(at, d), from, to), without.doc);
  }, at.doc);
}

/** What feeds a node, paired with what it feeds, by type; each input of the same type in its turn. */
function bridgesOver(graph: Graph, id: NodeId): [End, End][] {
  const node = graph.nodes.get(id);
  if (!node) return [];
  const sources = node.inputs.map((slot, i) => ({ type: slot.type, link: linkInto(graph, { node: id, slot: i }) }));
  return node.outputs.flatMap((output, slot) => {
    const fed = [...graph.links.values()].filter((link) => link.from === id && link.fromSlot === slot);
    const passes = (type: string) => type === output.type || output.type === "*" || type === "*";
    const source = sources.find(({ type, link }) => link && passes(type))?.link;
    if (!source) return [];
    const from = { node: source.from, slot: source.fromSlot };
    return fed.map((link): [End, End] => [from, { node: link.to, slot: link.toSlot }]);
  });
}

export function moveNodes(at: Place, positions: ReadonlyMap<NodeId, Point>): Document {
  return onNodes(at, positions.keys(), (node) => {
    const pos = positions.get(node.id)!;
    return node.flags.pinned || (node.pos[0] === pos[0] && node.pos[1] === pos[1]) ? node : { ...node, pos };
  });
}

export function resizeNode(at: Place, id: NodeId, size: Size): Document {
  return onNode(at, id, (node) => ({ ...node, size }));
}

/** Without a title of its own a node has its type's. */
export function setTitle(at: Place, id: NodeId, title: string): Document {
  return onNode(at, id, (node) => {
    const { title: old, ...rest } = node;
    const trimmed = title.trim();
    return (old ?? "") === trimmed ? node : trimmed ? { ...rest, title: trimmed } : rest;
  });
}

/** color: of the title, bgcolor: of the body; none: as the theme has it. */
export function setColor(at: Place, ids: Iterable<NodeId>, color?: string, bgcolor?: string): Document {
  return onNodes(at, ids, (node) => {
    const { color: _, bgcolor: __, ...rest } = node;
    return { ...rest, ...(color ? { color } : {}), ...(bgcolor ? { bgcolor } : {}) };
  });
}

/** If all of them have the flag, none has afterwards; else all have. */
export function toggleFlag(at: Place, ids: Iterable<NodeId>, flag: keyof Flags): Document {
  const nodes = found(at, ids);
  const on = !nodes.every((node) => node.flags[flag]);
  return onNodes(
    at,
    nodes.map((node) => node.id),
    (node) => {
      const { [flag]: _, ...rest } = node.flags;
      return { ...node, flags: on ? { ...rest, [flag]: true } : rest };
    },
  );
}

/** If all of them are in the mode, none is afterwards; else all are. */
export function toggleMode(at: Place, ids: Iterable<NodeId>, mode: typeof MUTED | typeof BYPASSED): Document {
  const nodes = found(at, ids);
  const to = nodes.every((node) => node.mode === mode) ? ACTIVE : mode;
  return onNodes(
    at,
    nodes.map((node) => node.id),
    (node) => (node.mode === to ? node : { ...node, mode: to }),
  );
}

function found(at: Place, ids: Iterable<NodeId>): Node[] {
  return [...ids].flatMap((id) => graphOf(at).nodes.get(id) ?? []);
}

export function toFront(at: Place, ids: Iterable<NodeId>): Document {
  const top = new Set(ids);
  return onGraph(at, (graph) => {
    const all = [...graph.nodes];
    return { ...graph, nodes: new Map([...all.filter(([id]) => !top.has(id)), ...all.filter(([id]) => top.has(id))]) };
  });
}

/** Puts a node that is there between the ends of a link, if it has sockets that fit. */
export function insertOnLink(at: Place, id: NodeId, linkId: string): Document {
  const graph = graphOf(at);
  const link = graph.links.get(linkId);
  const node = graph.nodes.get(id);
  if (!link || !node || node.type === PRIMITIVE || link.from === id || link.to === id) return at.doc;
  const from = { node: link.from, slot: link.fromSlot };
  const to = { node: link.to, slot: link.toSlot };
  const free = (slot: number) => !linkInto(graph, { node: id, slot });
  // the link that is to be replaced must not count as a way back
  const cut = after(at, put(at, { ...graph, links: new Map([...graph.links].filter(([other]) => other !== linkId)) }));
  const input = node.inputs.findIndex((_, slot) => free(slot) && !refusal(cut, from, { node: id, slot }));
  if (input < 0) return at.doc;
  const entered = after(at, connect(cut, from, { node: id, slot: input }));
  const output = node.outputs.findIndex((_, slot) => !refusal(entered, { node: id, slot }, to));
  return output < 0 ? at.doc : connect(entered, { node: id, slot: output }, to);
}
