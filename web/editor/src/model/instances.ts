/** What a node that stands for a subgraph looks like: its definition as a node type. */

import { key, list, text } from "./json";
import { readInputs, type Defs, type InputDef, type NodeDef } from "./nodes";
import { INPUTS, type Definition, type Document, type Graph, type Json, type JsonObject, type Node } from "./types";
import { CONTROL, defaultOf, widgetsOf } from "./widgets";

/** The definition of any node; undefined for a type that nobody knows. */
export function defOf(doc: Document, node: Node, defs: Defs): NodeDef | undefined {
  const definition = doc.definitions.get(node.type);
  return definition ? instanceDef(doc, definition, node, defs) : defs.get(node.type);
}

function instanceDef(doc: Document, definition: Definition, node: Node, defs: Defs): NodeDef {
  const shown = borderInputs(doc, definition, defs);
  return {
    type: definition.id,
    title: definition.name,
    category: "",
    description: text(definition.raw?.description) ?? "",
    inputs: [...shown, ...proxies(doc, definition, node, defs, shown)],
    outputs: definition.outputs.map(({ name, type }) => ({ name, type, list: false })),
    isOutput: false,
    deprecated: false,
    experimental: false,
    pack: "",
    subgraph: true,
    aliases: [],
  };
}

/** The inputs of a subgraph: each that leads to a widget inside is one itself, and shows what that holds. */
function borderInputs(doc: Document, definition: Definition, defs: Defs): InputDef[] {
  return definition.inputs.map(({ name, type }, slot) => {
    const inner = exposed(doc, definition, slot, defs);
    return { ...(inner ?? { ...SOCKET, type }), name, socketless: false };
  });
}

const SOCKET: InputDef = {
  name: "",
  type: "*",
  optional: true,
  forced: false,
  socketless: false,
  advanced: false,
  hidden: false,
  default: null,
  choices: [],
  controlled: false,
  options: {},
};

/** The first widget that an input of a subgraph feeds, directly or through subgraphs inside. */
function exposed(doc: Document, definition: Definition, slot: number, defs: Defs): InputDef | undefined {
  for (const link of definition.links.values()) {
    if (link.from !== INPUTS || link.fromSlot !== slot) continue;
    const node = definition.nodes.get(link.to);
    const widget = node?.inputs[link.toSlot]?.name;
    const found = node && widget !== undefined ? innerWidget(doc, node, widget, defs) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** As it is inside: what it holds there is the default outside, its seed mode too. */
function innerWidget(doc: Document, node: Node, name: string, defs: Defs): InputDef | undefined {
  const def = isInside(doc, node) ? undefined : defOf(doc, node, defs);
  if (!def) return unknownWidget(node, name);
  const widgets = widgetsOf(def, node.values);
  const input = widgets.find((widget) => widget.role === "value" && widget.name === name)?.input;
  if (!input) return undefined;
  const control = widgets.find((widget) => widget.role === "control" && widget.input === input);
  const mode = control && (node.values[control.name] ?? defaultOf(control));
  const options = mode === undefined ? input.options : { ...input.options, control_after_generate: mode };
  return { ...input, default: node.values[name] ?? input.default, options };
}

/** Of a node whose type nobody knows, its file says which of its sockets are widgets, though not what they hold. */
function unknownWidget(node: Node, name: string): InputDef | undefined {
  const slot = node.inputs.find((input) => input.name === name && input.widget !== undefined);
  return slot && readInputs({ required: { [name]: [slot.type, {}] } })[0];
}

/** A file may say that a subgraph contains itself; then nothing shows through it. */
function isInside(doc: Document, node: Node): boolean {
  return doc.definitions.has(node.type) && contains(doc, doc.definitions.get(node.type)!, node.type, new Set());
}

export function contains(doc: Document, graph: Graph, id: string, seen: Set<string>): boolean {
  for (const { type } of graph.nodes.values()) {
    if (type === id) return true;
    const inner = doc.definitions.get(type);
    if (!inner || seen.has(type)) continue;
    seen.add(type);
    if (contains(doc, inner, id, seen)) return true;
  }
  return false;
}

/** An entry of `proxyWidgets`: a widget inside (`-1`: an input of the subgraph) that is shown on the instance. */
export interface Proxy {
  readonly node: string;
  readonly widget: string;
}

export function proxiesOf(properties: JsonObject): Proxy[] {
  return list(properties.proxyWidgets)
    .map((entry: Json) => list(entry))
    .filter((entry) => entry.length >= 2)
    .map(([node, widget]) => ({ node: key(node), widget: key(widget) }));
}

/** Shown widgets that no input of the subgraph leads to. */
function proxies(doc: Document, definition: Definition, node: Node, defs: Defs, shown: InputDef[]): InputDef[] {
  const taken = new Set(shown.map((input) => input.name));
  return proxiesOf(node.properties).flatMap((proxy) => {
    const inner = definition.nodes.get(proxy.node);
    if (!inner || borderInput(definition, proxy) !== undefined) return [];
    const input = innerWidget(doc, inner, proxy.widget, defs);
    if (!input) return [];
    const name = taken.has(input.name) ? `${proxy.node}.${input.name}` : input.name;
    taken.add(name);
    return [{ ...input, name, socketless: true }];
  });
}

/** The input of the subgraph that a proxy means: by its own name, or by what it leads to. */
export function borderInput(definition: Definition, proxy: Proxy): string | undefined {
  if (proxy.node === "-1") return definition.inputs.find((input) => input.name === proxy.widget)?.name;
  const inner = definition.nodes.get(proxy.node);
  const slot = inner?.inputs.findIndex((input) => input.name === proxy.widget);
  for (const link of definition.links.values()) {
    if (link.from === INPUTS && link.to === proxy.node && link.toSlot === slot) {
      return definition.inputs[link.fromSlot]?.name;
    }
  }
  return undefined;
}

/** The names under which the values of an instance stand in `widgets_values`; null: a place that means nothing. */
export function instancePlaces(definition: Definition, node: Node, def: NodeDef): (string | null)[] {
  const entries = proxiesOf(node.properties);
  if (!entries.length) return def.inputs.filter((input) => input.widget).map((input) => input.name);
  const own = def.inputs.slice(definition.inputs.length).map((input) => input.name);
  const name = (proxy: Proxy) =>
    borderInput(definition, proxy) ??
    own.find((n) => n === `${proxy.node}.${proxy.widget}`) ??
    own.find((n) => n === proxy.widget);
  const control = (proxy: Proxy) => {
    const seeds = entries.filter((other) => other.node === proxy.node).map(name);
    return widgetsOf(def, node.values).find((w) => w.role === "control" && seeds.includes(w.input.name))?.name;
  };
  return entries.map((proxy) => (proxy.widget === CONTROL ? control(proxy) : name(proxy)) ?? null);
}

export function isInstance(doc: Document, node: Node): boolean {
  return doc.definitions.has(node.type);
}

export function titleOf(doc: Document, node: Node, defs: Defs): string {
  return node.title || (defOf(doc, node, defs)?.title ?? node.type);
}
