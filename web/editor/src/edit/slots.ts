/** Sockets that come and go with what is connected and chosen. */

import { defOf, isInstance } from "../model/instances";
import { AUTOGROW, PRIMITIVE } from "../model/nodes";
import { completeInputs, slotsOf } from "../model/slots";
import type { Document, Graph, Json, Link, Node, NodeId, Slot } from "../model/types";
import type { End } from "./links";
import { graphOf, onNode, put, type Place } from "./place";

/** After a link was made: an input that grows gets another socket, a primitive takes the form of what it feeds. */
export function grow(at: Place, from: End, to: End): Document {
  const doc = spare(at, to);
  return graphOf(at).nodes.get(from.node)?.type === PRIMITIVE ? adapt({ ...at, doc }, from.node, to) : doc;
}

/** One socket more than is used, for inputs that are numbered and may be many. */
function spare(at: Place, to: End): Document {
  const node = graphOf(at).nodes.get(to.node);
  const slot = node?.inputs[to.slot];
  const def = node && defOf(at.doc, node, at.defs);
  const input = def?.inputs.find((i) => i.type === AUTOGROW && slot?.name.startsWith(`${i.name}.`));
  const number = /^(.*?)(\d+)$/.exec(slot?.name ?? "");
  if (!node || !slot || !input || !number) return at.doc;
  const next = `${number[1]}${Number(number[2]) + 1}`;
  const max = (input.options.template as { max?: Json } | undefined)?.max;
  const full = typeof max === "number" && Number(number[2]) + 1 >= max;
  if (full || node.inputs.some((other) => other.name === next)) return at.doc;
  return onNode(at, to.node, (n) => ({ ...n, inputs: [...n.inputs, { name: next, type: slot.type }] }));
}

/** A primitive that feeds its first widget takes its type, its name and its value. */
function adapt(at: Place, id: NodeId, to: End): Document {
  const graph = graphOf(at);
  const target = graph.nodes.get(to.node);
  const slot = target?.inputs[to.slot];
  const primitive = graph.nodes.get(id);
  if (!primitive || !target || !slot || (primitive.outputs[0]?.type ?? "*") !== "*") return at.doc;
  const input = defOf(at.doc, target, at.defs)?.inputs.find((i) => i.name === slot.name);
  const value = target.values[slot.name] ?? input?.default ?? null;
  const controlled = slot.type === "INT" || slot.type === "FLOAT" || slot.type === "COMBO";
  const control = controlled ? { control_after_generate: target.values.control_after_generate ?? "fixed" } : {};
  const output: Slot = { name: slot.type, type: slot.type, widget: slot.name };
  return onNode(at, id, (node) => ({ ...node, outputs: [output], values: { value, ...control, ...node.values } }));
}

/**
 * The sockets of a node as its values want them: those of an option that is no longer chosen go, with their links,
 * and those of the chosen one come.
 */
export function reslot(at: Place, id: NodeId): Document {
  const graph = graphOf(at);
  const node = graph.nodes.get(id);
  const def = node && defOf(at.doc, node, at.defs);
  if (!node || !def || isInstance(at.doc, node)) return at.doc;
  const dynamic = def.inputs.filter((input) => input.widget === "dynamic").map((input) => `${input.name}.`);
  const wanted = new Set(slotsOf(def, node.values, node.inputs).map((slot) => slot.name));
  const stays = ({ name }: Slot) => wanted.has(name) || !dynamic.some((prefix) => name.startsWith(prefix));
  const inputs = completeInputs(def, node.values, node.inputs.filter(stays));
  return put(at, replaceInputs(graph, { ...node, inputs }));
}

/** A node with other inputs: its links follow them by name, or go. */
export function replaceInputs(graph: Graph, node: Node): Graph {
  const old = graph.nodes.get(node.id)?.inputs ?? [];
  const place = new Map(node.inputs.map((slot, i) => [slot.name, i]));
  const moved = (link: Link) => place.get(old[link.toSlot]?.name ?? "");
  return relink(
    graph,
    node,
    (link) => link.to === node.id,
    (link, slot) => ({ ...link, toSlot: slot }),
    moved,
  );
}

/** The same for outputs. */
export function replaceOutputs(graph: Graph, node: Node): Graph {
  const old = graph.nodes.get(node.id)?.outputs ?? [];
  const place = new Map(node.outputs.map((slot, i) => [slot.name, i]));
  const moved = (link: Link) => place.get(old[link.fromSlot]?.name ?? "");
  return relink(
    graph,
    node,
    (link) => link.from === node.id,
    (link, slot) => ({ ...link, fromSlot: slot }),
    moved,
  );
}

function relink(
  graph: Graph,
  node: Node,
  touches: (link: Link) => boolean,
  move: (link: Link, slot: number) => Link,
  slotOf: (link: Link) => number | undefined,
): Graph {
  const links = new Map<string, Link>();
  for (const link of graph.links.values()) {
    const slot = touches(link) ? slotOf(link) : undefined;
    if (!touches(link)) links.set(link.id, link);
    else if (slot !== undefined) links.set(link.id, move(link, slot));
  }
  return { ...graph, nodes: new Map(graph.nodes).set(node.id, node), links };
}
