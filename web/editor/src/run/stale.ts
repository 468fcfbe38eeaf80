/** Problems that a change of the graph may have solved are told no longer; the next run tells anew. Pure. */

import { same as equal } from "../model/json";
import type { Document, Graph, Node, NodeId } from "../model/types";
import type { NodeProblem } from "./types";

/** before: what the problems were told of. The same list if none goes. */
export function standing(problems: readonly NodeProblem[], before: Document, now: Document): readonly NodeProblem[] {
  if (before === now) return problems;
  const left = problems.filter(({ node }) => (node ? same(node, before, now) : sameSize(before, now)));
  return left.length === problems.length ? problems : left;
}

/** A node by the id that the server gives it, and the graph that it is in. */
export function find(doc: Document, id: NodeId): { graph: Graph; node: Node } | undefined {
  const path = id.split(":");
  let graph: Graph | undefined = doc.root;
  for (const host of path.slice(0, -1)) graph = doc.definitions.get(graph?.nodes.get(host)?.type ?? "");
  const node = graph?.nodes.get(path.at(-1)!);
  return graph && node && { graph, node };
}

function same(id: NodeId, before: Document, now: Document): boolean {
  const [was, is] = [find(before, id), find(now, id)];
  if (!was || !is) return was === is;
  const [a, b] = [was.node, is.node];
  return (
    equal(a.values, b.values) && a.type === b.type && a.mode === b.mode && feeds(was.graph, id) === feeds(is.graph, id)
  );
}

/** What is linked to the inputs of a node. */
function feeds(graph: Graph, id: NodeId): string {
  const inner = id.split(":").at(-1);
  const found = [...graph.links.values()].filter((link) => link.to === inner);
  return found
    .map((link) => `${link.from}.${link.fromSlot}>${link.toSlot}`)
    .sort()
    .join();
}

/** What is wrong with the whole may be right as soon as a node or a link comes or goes. */
function sameSize({ root: a }: Document, { root: b }: Document): boolean {
  return a.nodes.size === b.nodes.size && a.links.size === b.links.size;
}
