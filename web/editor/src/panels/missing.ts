/** Missing nodes and models: where they are, and what can take their place. */

import { fit } from "../model/fit";
import type { Defs } from "../model/nodes";
import { missing, type Missing, type MissingChoice, type Spot } from "../model/missing";
import { editor } from "../app/editor";
import { find } from "../run/stale";
import type { NodeProblem } from "../run/types";
import { level, levels, ROOT, type Definition, type Document, type Node, type NodeId } from "../model/types";

const NONE: Missing = { types: [], choices: [] };
const known = new WeakMap<Document, { defs: Defs; found: Missing }>();

/** Remembered for each document: the panel and the badge ask for the same. */
export function missingOf(doc: Document, defs: Defs): Missing {
  if (!defs.size) return NONE;
  const before = known.get(doc);
  if (before?.defs === defs) return before.found;
  const found = missing(doc, defs);
  known.set(doc, { defs, found });
  return found;
}

/** Whether a problem that the server tells is one of these. */
export function isMissing({ node, input }: NodeProblem, doc: Document, { types, choices }: Missing): boolean {
  if (input) return choices.some((choice) => choice.input === input && spotId(doc, choice) === node);
  return types.some(({ nodes }) => nodes.some((spot) => spotId(doc, spot) === node));
}

/** The id that leads to a node of any level: `host:inner`, through the first host that there is. */
export function spotId(doc: Document, { level: at, node }: Spot): NodeId {
  const seen = new Set<string>();
  const path: NodeId[] = [node];
  for (let inside = at; inside !== ROOT && !seen.has(inside);) {
    seen.add(inside);
    const host = hostOf(doc, inside);
    if (!host) break;
    path.unshift(host.node);
    inside = host.level;
  }
  return path.join(":");
}

function hostOf(doc: Document, definition: string): Spot | undefined {
  for (const [id, graph] of levels(doc)) {
    for (const node of graph.nodes.values()) if (node.type === definition) return { level: id, node: node.id };
  }
  return undefined;
}

/** The title of a node by the id that the server gives it. */
export function nodeName(doc: Document, id: NodeId): string {
  const node = find(doc, id)?.node;
  if (!node) return `#${id}`;
  const title = node.title ?? doc.definitions.get(node.type)?.name ?? editor.get().defs.get(node.type)?.title;
  return `${title ?? node.type} #${id}`;
}

export function setType(doc: Document, spots: readonly Spot[], type: string): Document {
  const changed = spots.reduce((now, spot) => changeNode(now, spot, (node) => ({ ...node, type })), doc);
  return fit(changed, editor.get().defs);
}

export function setValue(doc: Document, { level, node, input }: MissingChoice, value: string): Document {
  return changeNode(doc, { level, node }, (one) => ({ ...one, values: { ...one.values, [input]: value } }));
}

function changeNode(doc: Document, spot: Spot, change: (node: Node) => Node): Document {
  const graph = level(doc, spot.level);
  const node = graph.nodes.get(spot.node);
  if (!node) return doc;
  const nodes = new Map(graph.nodes).set(node.id, change(node));
  if (spot.level === ROOT) return { ...doc, root: { ...graph, nodes } };
  const definitions = new Map(doc.definitions).set(spot.level, { ...(graph as Definition), nodes });
  return { ...doc, definitions };
}
