/** Primitive nodes: they look like the widget that they feed. */

import { defOf } from "./instances";
import { PRIMITIVE, type Defs, type InputDef, type NodeDef } from "./nodes";
import type { Document, Graph, Json, Node } from "./types";

/** The input that a primitive feeds first, as an input of the primitive itself. */
export function primitiveInput(doc: Document, graph: Graph, node: Node, defs: Defs): InputDef | undefined {
  for (const link of graph.links.values()) {
    const target = link.from === node.id ? graph.nodes.get(link.to) : undefined;
    const name = target?.inputs[link.toSlot]?.name;
    const input = target && defOf(doc, target, defs)?.inputs.find((one) => one.name === name && one.widget);
    if (input) return asValue(input);
  }
  return undefined;
}

/** Made once: what draws nodes asks whether anything changed. */
const made = new WeakMap<InputDef, InputDef>();

function asValue(input: InputDef): InputDef {
  const known = made.get(input) ?? makeValue(input);
  made.set(input, known);
  return known;
}

function makeValue(input: InputDef): InputDef {
  const controlled = ["INT", "FLOAT", "COMBO"].includes(input.type);
  const mode: Json = "fixed";
  return {
    ...input,
    name: "value",
    controlled,
    socketless: true,
    options: { ...input.options, ...(controlled ? { control_after_generate: mode } : {}) },
  };
}

/** The definition of any node as it is where it stands: a primitive takes that of the widget that it feeds. */
export function shownDef(doc: Document, graph: Graph, node: Node, defs: Defs): NodeDef | undefined {
  const def = defOf(doc, node, defs);
  if (node.type !== PRIMITIVE || !def) return def;
  const input = primitiveInput(doc, graph, node, defs);
  if (!input) return def;
  const known = shown.get(input) ?? { ...def, inputs: [input] };
  shown.set(input, known);
  return known;
}

const shown = new WeakMap<InputDef, NodeDef>();
