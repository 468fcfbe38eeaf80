/** What the widgets of nodes hold. */

import { defOf, isInstance } from "../model/instances";
import { shownDef } from "../model/primitive";
import { list } from "../model/json";
import type { Document, Json, Node, NodeId } from "../model/types";
import { defaultOf, widgetsOf, type Widget } from "../model/widgets";
import { clearInput } from "./links";
import { after, graphOf, onNode, type Place } from "./place";
import { reslot } from "./slots";

/** Names that belong to our editor alone begin like this; other readers keep them and make nothing of them. */
const SHOWN_SOCKETS = "mezzotint_sockets";

export function setValue(at: Place, id: NodeId, name: string, value: Json): Document {
  const node = graphOf(at).nodes.get(id);
  if (!node || Object.is(node.values[name], value)) return at.doc;
  const values = { ...node.values, [name]: value };
  const def = defOf(at.doc, node, at.defs);
  const input = def?.inputs.find((i) => i.name === name);
  if (!def || input?.widget !== "dynamic") return onNode(at, id, (old) => ({ ...old, values }));
  const chosen = widgetsOf(def, values).map(
    (widget) => [widget.name, values[widget.name] ?? defaultOf(widget)] as const,
  );
  return reslot(
    after(
      at,
      onNode(at, id, (old) => ({ ...old, values: Object.fromEntries(chosen) })),
    ),
    id,
  );
}

/** Back to what a new node has; a widget of a subgraph, back to what is inside. */
export function resetValue(at: Place, id: NodeId, name: string): Document {
  const node = graphOf(at).nodes.get(id);
  const widget = widgetsAt(at, id).find((one) => one.name === name);
  if (!node || !widget) return at.doc;
  if (!isInstance(at.doc, node)) return setValue(at, id, name, defaultOf(widget));
  if (!(name in node.values)) return at.doc;
  const { [name]: _, ...values } = node.values;
  return onNode(at, id, (old) => ({ ...withoutSaved(old), values }));
}

/** So that what the file said is not read again. */
function withoutSaved(node: Node): Node {
  if (!node.raw) return node;
  const { widgets_values: _, widgets_values_named: __, ...raw } = node.raw;
  return { ...node, raw };
}

/** The widgets of a node that is there. */
export function widgetsAt(at: Place, id: NodeId): Widget[] {
  const graph = graphOf(at);
  const node = graph.nodes.get(id);
  const def = node && shownDef(at.doc, graph, node, at.defs);
  return def ? widgetsOf(def, node.values) : [];
}

/** Whether a widget's input is shown as a socket in place of its field. A linked one always is. */
export function isSocket(node: Node, name: string): boolean {
  return list(node.properties[SHOWN_SOCKETS]).includes(name);
}

/** Turns a widget into a socket, or back, which also takes its link off. */
export function showSocket(at: Place, id: NodeId, name: string, on: boolean): Document {
  const node = graphOf(at).nodes.get(id);
  const slot = node?.inputs.findIndex((input) => input.name === name && input.widget !== undefined) ?? -1;
  if (!node || slot < 0) return at.doc;
  const doc = on ? at.doc : clearInput(at, { node: id, slot });
  if (isSocket(node, name) === on) return doc;
  const others = list(node.properties[SHOWN_SOCKETS]).filter((other) => other !== name);
  const shown = on ? [...others, name] : others;
  return onNode(after(at, doc), id, (old) => {
    const { [SHOWN_SOCKETS]: _, ...rest } = old.properties;
    return { ...old, properties: shown.length ? { ...rest, [SHOWN_SOCKETS]: shown } : rest };
  });
}
