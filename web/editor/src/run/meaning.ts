/** What of a document counts for what runs. Pure. */

import { levels, type Document, type Graph } from "../model/types";

/** Whether two documents make the same: places, sizes and colours do not count. Compares what they share by reference. */
export function sameMeaning(a: Document, b: Document): boolean {
  const [was, is] = [new Map(levels(a)), levels(b)];
  return was.size === is.length && is.every(([id, graph]) => sameGraph(was.get(id), graph));
}

function sameGraph(a: Graph | undefined, b: Graph): boolean {
  if (a === b) return true;
  if (!a || a.nodes.size !== b.nodes.size || a.links.size !== b.links.size) return false;
  const ends = (graph: Graph) =>
    [...graph.links.values()].map((link) => `${link.from}.${link.fromSlot}>${link.to}.${link.toSlot}`);
  if (a.links !== b.links && ends(a).sort().join() !== ends(b).sort().join()) return false;
  return [...b.nodes].every(([id, node]) => {
    const old = a.nodes.get(id);
    return old === node || (old && old.type === node.type && old.mode === node.mode && old.values === node.values);
  });
}
