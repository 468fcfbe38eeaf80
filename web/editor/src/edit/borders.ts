/** The border of a subgraph: what it takes and gives. All edits are made inside, and its instances follow everywhere. */

import { defOf, proxiesOf } from "../model/instances";
import { completeInputs } from "../model/slots";
import { INPUTS, OUTPUTS, ROOT, levels } from "../model/types";
import type { BorderSlot, Definition, Document, Graph, Link, Node, NodeId } from "../model/types";
import { uuid } from "../model/uuid";
import { connect, linkInto, type End } from "./links";
import { after, definitionOf, dropLinks, graphOf, put, type Place } from "./place";
import { replaceInputs, replaceOutputs } from "./slots";

export type Side = "inputs" | "outputs";

export function uniqueName(taken: Iterable<string>, wanted: string): string {
  const names = new Set(taken);
  let name = wanted;
  for (let i = 1; names.has(name); i++) name = `${wanted}_${i}`;
  return name;
}

export function borderSlot(slots: readonly BorderSlot[], name: string, type: string): BorderSlot {
  return {
    id: uuid(),
    name: uniqueName(
      slots.map((slot) => slot.name),
      name,
    ),
    type,
  };
}

function withBorder(at: Place, change: (definition: Definition) => Partial<Definition>): Document {
  const definition = definitionOf(at);
  return definition ? refresh(at, put(at, { ...definition, ...change(definition) } as Graph)) : at.doc;
}

/** Adds a socket to the border. */
export function addBorderSlot(at: Place, side: Side, name: string, type: string): Document {
  return withBorder(at, (d) => ({ [side]: [...d[side], borderSlot(d[side], name, type)] }));
}

/** Draws a link from inside to a new socket of the border, or from one to an input inside. */
export function connectNewBorderSlot(at: Place, side: Side, end: End): Document {
  const graph = graphOf(at);
  const definition = definitionOf(at);
  const node = graph.nodes.get(end.node);
  const slot = side === "inputs" ? node?.inputs[end.slot] : node?.outputs[end.slot];
  if (!definition || !slot) return at.doc;
  const there = after(at, addBorderSlot(at, side, slot.label ?? slot.name, slot.type));
  const border = { node: side === "inputs" ? INPUTS : OUTPUTS, slot: definition[side].length };
  const doc = side === "inputs" ? connect(there, border, end) : connect(there, end, border);
  return refresh(at, doc);
}

/** Shows a widget of a node inside on the subgraph's own nodes. */
export function exposeWidget(at: Place, id: NodeId, widget: string): Document {
  const slot =
    graphOf(at)
      .nodes.get(id)
      ?.inputs.findIndex((input) => input.name === widget) ?? -1;
  if (slot < 0 || linkInto(graphOf(at), { node: id, slot })?.from === INPUTS) return at.doc;
  return connectNewBorderSlot(at, "inputs", { node: id, slot });
}

export function isExposed(at: Place, id: NodeId, widget: string): boolean {
  const slot =
    graphOf(at)
      .nodes.get(id)
      ?.inputs.findIndex((input) => input.name === widget) ?? -1;
  return slot >= 0 && linkInto(graphOf(at), { node: id, slot })?.from === INPUTS;
}

/** Takes off what `exposeWidget` made; if the border's socket feeds nothing else, it goes. */
export function hideWidget(at: Place, id: NodeId, widget: string): Document {
  const graph = graphOf(at);
  const slot = graph.nodes.get(id)?.inputs.findIndex((input) => input.name === widget) ?? -1;
  const link = slot >= 0 ? linkInto(graph, { node: id, slot }) : undefined;
  if (link?.from !== INPUTS) return at.doc;
  const shared = [...graph.links.values()].some((l) => l !== link && l.from === INPUTS && l.fromSlot === link.fromSlot);
  if (!shared) return removeBorderSlot(at, "inputs", link.fromSlot);
  return put(
    at,
    dropLinks(graph, (other) => other === link),
  );
}

export function removeBorderSlot(at: Place, side: Side, index: number): Document {
  return moveBorder(at, side, (slots) => slots.filter((_, i) => i !== index));
}

export function moveBorderSlot(at: Place, side: Side, from: number, to: number): Document {
  return moveBorder(at, side, (slots) => {
    const rest = slots.filter((_, i) => i !== from);
    return [...rest.slice(0, to), slots[from]!, ...rest.slice(to)];
  });
}

function moveBorder(at: Place, side: Side, change: (slots: readonly BorderSlot[]) => readonly BorderSlot[]): Document {
  return withBorder(at, (definition) => {
    const slots = change(definition[side]);
    const place = new Map(slots.map((slot, i) => [slot, i]));
    const [node, field] = side === "inputs" ? (["from", "fromSlot"] as const) : (["to", "toSlot"] as const);
    const border = side === "inputs" ? INPUTS : OUTPUTS;
    const links = new Map<string, Link>();
    for (const link of definition.links.values()) {
      const slot = link[node] === border ? place.get(definition[side][link[field]]!) : link[field];
      if (slot !== undefined) links.set(link.id, slot === link[field] ? link : { ...link, [field]: slot });
    }
    return { [side]: slots, links };
  });
}

/** Instances keep their links and values under the new name. */
export function renameBorderSlot(at: Place, side: Side, index: number, wanted: string): Document {
  const definition = definitionOf(at);
  const slot = definition?.[side][index];
  if (!definition || !slot || !wanted.trim() || slot.name === wanted.trim()) return at.doc;
  const others = definition[side].filter((_, i) => i !== index);
  const name = uniqueName(
    others.map((other) => other.name),
    wanted.trim(),
  );
  const { label: _, ...rest } = slot;
  const slots = definition[side].map((one, i) => (i === index ? { ...rest, name } : one));
  const doc = put(at, { ...definition, [side]: slots } as Graph);
  const renamed = onInstances(doc, at.level, (graph, node) => renameSlot(graph, node, side, slot.name, name));
  return refresh(at, renamed);
}

function renameSlot(graph: Graph, node: Node, side: Side, old: string, name: string): Graph {
  const slots = node[side].map((slot) => (slot.name === old ? { ...slot, name } : slot));
  const values = Object.fromEntries(Object.entries(node.values).map(([k, v]) => [k === old ? name : k, v]));
  const properties = proxiesOf(node.properties).some((proxy) => proxy.node === "-1" && proxy.widget === old)
    ? {
        ...node.properties,
        proxyWidgets: proxiesOf(node.properties).map((p) => [
          p.node,
          p.node === "-1" && p.widget === old ? name : p.widget,
        ]),
      }
    : node.properties;
  return { ...graph, nodes: new Map(graph.nodes).set(node.id, { ...node, [side]: slots, values, properties }) };
}

export function renameSubgraph(at: Place, id: string, name: string): Document {
  const definition = at.doc.definitions.get(id);
  if (!definition || !name.trim()) return at.doc;
  return { ...at.doc, definitions: new Map(at.doc.definitions).set(id, { ...definition, name: name.trim() }) };
}

/** Changes every instance of a subgraph, in all levels. */
export function onInstances(doc: Document, type: string, change: (graph: Graph, node: Node) => Graph): Document {
  return levels(doc).reduce((now, [id, graph]) => {
    const instances = [...graph.nodes.values()].filter((node) => node.type === type);
    if (!instances.length) return now;
    const changed = instances.reduce((g, node) => change(g, g.nodes.get(node.id)!), graph);
    if (id === ROOT) return { ...now, root: changed };
    return { ...now, definitions: new Map(now.definitions).set(id, { ...now.definitions.get(id)!, ...changed }) };
  }, doc);
}

/** Instances get the sockets that the border has, in its order; links follow by name. */
function refresh(at: Place, doc: Document): Document {
  return onInstances(doc, at.level, (graph, node) => {
    const def = defOf(doc, node, at.defs)!;
    const order = new Map(def.inputs.map((input, i) => [input.name, i]));
    const kept = node.inputs.filter((slot) => order.has(slot.name));
    const inputs = completeInputs(def, node.values, kept);
    const sorted = [...inputs].sort((a, b) => order.get(a.name)! - order.get(b.name)!);
    const outputs = def.outputs.map(({ name, type }) => {
      const slot = node.outputs.find((output) => output.name === name);
      return slot && slot.type === type ? slot : { ...slot, name, type };
    });
    const now = replaceInputs(graph, { ...node, inputs: sorted });
    return replaceOutputs(now, { ...now.nodes.get(node.id)!, outputs });
  });
}
