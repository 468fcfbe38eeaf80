/** A document and the definitions of its nodes brought together: names for the values, sockets that the file lacks. */

import { defOf, instancePlaces } from "./instances";
import { isObject, list, object, same } from "./json";
import { PRIMITIVE, type Defs } from "./nodes";
import { completeInputs, completeOutputs } from "./slots";
import { INPUTS, OUTPUTS } from "./types";
import type { Definition, Document, Graph, Json, JsonObject, Link, Node, Values } from "./types";
import { fill, isControl, widgetsOf, type Widget } from "./widgets";

/** Definitions first, those inside others before them: what an instance shows, its inside decides. */
export function fit(doc: Document, defs: Defs): Document {
  let now = doc;
  for (const id of inwardOut(doc)) {
    const definition = fitGraph(now, now.definitions.get(id)!, defs);
    now = { ...now, definitions: new Map(now.definitions).set(id, definition) };
  }
  return { ...now, root: fitGraph(now, now.root, defs) };
}

function inwardOut(doc: Document): string[] {
  const order = new Set<string>();
  const waiting = new Set<string>();
  const visit = (id: string) => {
    const definition = doc.definitions.get(id);
    if (!definition || waiting.has(id)) return;
    waiting.add(id);
    for (const node of definition.nodes.values()) visit(node.type);
    order.add(id);
  };
  for (const id of doc.definitions.keys()) visit(id);
  return [...order];
}

function fitGraph<G extends Graph>(doc: Document, graph: G, defs: Defs): G {
  const nodes = new Map([...graph.nodes].map(([id, node]) => [id, fitNode(doc, node, defs)]));
  const sound = new Map([...graph.links].filter(([, link]) => hasSlots(link, nodes, graph)));
  return { ...graph, nodes, links: sound.size === graph.links.size ? graph.links : sound };
}

/** What the node holds already stays, unless it was only a guess; what lacks is read from the file, or added. */
function fitNode(doc: Document, node: Node, defs: Defs): Node {
  const def = defOf(doc, node, defs);
  const guessed = unknownValues(node, node.raw?.widgets_values, node.raw?.widgets_values_named);
  const read = { ...readValues(doc, node, defs), ...(same(node.values, guessed) ? {} : node.values) };
  if (!def) return { ...node, values: read };
  return {
    ...node,
    values: read,
    inputs: completeInputs(def, read, node.inputs),
    outputs: completeOutputs(def, node.outputs),
  };
}

function hasSlots(link: Link, nodes: ReadonlyMap<string, Node>, graph: Graph): boolean {
  const border = graph as Partial<Definition>;
  const outputs = link.from === INPUTS && border.inputs ? border.inputs : nodes.get(link.from)?.outputs;
  const inputs = link.to === OUTPUTS && border.outputs ? border.outputs : nodes.get(link.to)?.inputs;
  return link.fromSlot < (outputs?.length ?? 0) && link.toSlot < (inputs?.length ?? 0);
}

/** The values that a node's file gives, by name. */
export function readValues(doc: Document, node: Node, defs: Defs): Values {
  const saved = node.raw?.widgets_values;
  const named = node.raw?.widgets_values_named;
  const def = defOf(doc, node, defs);
  const definition = doc.definitions.get(node.type);
  if (definition && def) {
    const places = instancePlaces(definition, node, def);
    return instanceValues(places, widgetsOf(def, node.values), saved, object(named));
  }
  if (node.type === PRIMITIVE) return primitiveValues(saved, object(named));
  if (def) return fill(def, saved, named);
  return unknownValues(node, saved, named);
}

/**
 * Only what the instance gives: an inner widget keeps its own value otherwise. Null gives nothing. Where values have
 * names, those are all: a place in the list is then filled with what the inner widget holds.
 */
function instanceValues(
  places: (string | null)[],
  widgets: readonly Widget[],
  saved: Json | undefined,
  named: JsonObject,
): Values {
  const positions = Object.keys(named).length ? [] : list(saved);
  const byName = isObject(saved) ? { ...saved, ...named } : named;
  const found = widgets.map(({ name }) => {
    const place = places.indexOf(name);
    return [name, byName[name] ?? (place < 0 ? undefined : positions[place])] as const;
  });
  return Object.fromEntries(found.filter(([, value]) => value != null)) as Values;
}

function primitiveValues(saved: Json | undefined, named: JsonObject): Values {
  const values = isObject(saved) ? (Object.values(saved) as Json[]) : list(saved);
  const names = ["value", "control_after_generate", "control_filter_list"];
  const found = names.map((name, i) => [name, named[name] ?? values[i]] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as Values;
}

/** Of a node that nobody knows: by the names in the file, or by its widgets' slots if they match in number. */
function unknownValues(node: Node, saved: Json | undefined, named: Json | undefined): Values {
  const known = isObject(named) ? named : isObject(saved) ? saved : undefined;
  if (known) return known as Values;
  const rest = [...list(saved)];
  const marks = node.inputs.filter((slot) => slot.widget !== undefined);
  const values: Record<string, Json> = {};
  for (const [i, { name, type }] of marks.entries()) {
    if (!rest.length) return {};
    values[name] = rest.shift()!;
    const seed = type === "INT" && (/^(noise_)?seed$/.test(name) || rest.length > marks.length - i - 1);
    if (seed && isControl(rest[0])) values.control_after_generate = rest.shift()!;
  }
  return rest.length ? {} : values;
}
