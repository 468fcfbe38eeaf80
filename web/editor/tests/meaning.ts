import { defOf, isInstance } from "../src/model/instances";
import { widgetsOf } from "../src/model/widgets";
import { defs } from "./conformance";
import { levels, type Definition, type Document, type Node, type Values } from "../src/model/types";

/** What a document means, without what its file said beside. Links and bends in any order. */
export function meaning(doc: Document): unknown {
  const used = new Set<string>([""]);
  const all = levels(doc);
  for (const id of used) {
    for (const node of new Map(all).get(id)?.nodes.values() ?? [])
      if (doc.definitions.has(node.type)) used.add(node.type);
  }
  return all
    .filter(([id]) => used.has(id))
    .map(([id, graph]) => ({
      id,
      name: (graph as Partial<Definition>).name,
      inputs: (graph as Partial<Definition>).inputs?.map(({ raw: _, ...slot }) => slot),
      outputs: (graph as Partial<Definition>).outputs?.map(({ raw: _, ...slot }) => slot),
      nodes: [...graph.nodes.values()].map(({ raw: _, inputs, outputs, ...node }) => ({
        ...node,
        values: valuesOf(doc, { ...node, inputs, outputs }),
        inputs: inputs.map((slot) => slot.name),
        outputs: outputs.map((slot) => slot.name),
      })),
      links: sorted([...graph.links.values()].map(({ raw: _, ...link }) => link)),
      bends: sorted([...graph.bends.values()].map(({ raw: _, ...bend }) => bend)),
      groups: graph.groups.map(({ raw: _, id: __, ...group }) => group),
    }));
}

function sorted<T extends { id: string }>(all: T[]): T[] {
  return all.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A subgraph's node may hold a value of a widget that is no longer there: it is kept in case that comes back. */
function valuesOf(doc: Document, node: Node): Values {
  const def = isInstance(doc, node) ? defOf(doc, node, defs) : undefined;
  if (!def) return node.values;
  const names = new Set(widgetsOf(def, node.values).map(({ name }) => name));
  return Object.fromEntries(Object.entries(node.values).filter(([name]) => names.has(name)));
}
