import { levels, type Definition, type Document } from "../src/model/types";

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
