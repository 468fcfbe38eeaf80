/** Subgraphs: making one of a selection. */

import { minus, union } from "../model/geometry";
import { PRIMITIVE } from "../model/nodes";
import { INPUTS, OUTPUTS } from "../model/types";
import type { BorderSlot, Definition, Graph, Link, Node, NodeId, Rect, Size } from "../model/types";
import type { Sizes } from "../model/geometry";
import { uuid } from "../model/uuid";
import { borderSlot } from "./borders";
import { boundsOf, contents } from "./groups";
import { sourceType, targetType } from "./links";
import { part } from "./merge";
import { newNode } from "./nodes";
import { after, dropLinks, graphOf, inputsOf, lastNumbers, outputsOf, put, type Made, type Place } from "./place";

const BORDER: Size = [120, 60];
const GAP = 100;

/** Puts nodes into a subgraph, and in their place one node that stands for it. */
export function makeSubgraph(at: Place, ids: Iterable<NodeId>, name: string, sizes?: Sizes): Made {
  const chosen = new Set([...ids].filter((id) => graphOf(at).nodes.has(id)));
  if (!chosen.size) return { doc: at.doc, nodes: [] };
  const ready = withPrimitives(at, chosen);
  const cut = cutOut(ready.at, ready.chosen, name, sizes);
  const definitions = new Map(at.doc.definitions).set(cut.definition.id, cut.definition);
  return replaceBy(after(at, { ...ready.at.doc, definitions }), cut, ready.chosen);
}

interface Cut {
  readonly definition: Definition;
  readonly box: Rect;
  /** What feeds each input, and what each output feeds. */
  readonly sources: readonly Link[];
  readonly targets: readonly (readonly Link[])[];
  readonly groups: ReadonlySet<string>;
}

/** A primitive cannot reach into a subgraph: one that feeds the chosen nodes comes along, or a copy of it. */
function withPrimitives(at: Place, chosen: ReadonlySet<NodeId>): { at: Place; chosen: Set<NodeId> } {
  const graph = graphOf(at);
  const all = new Set(chosen);
  const [nodes, links] = [new Map(graph.nodes), new Map(graph.links)];
  let last = lastNumbers(at.doc).node;
  for (const node of graph.nodes.values()) {
    if (node.type !== PRIMITIVE || chosen.has(node.id)) continue;
    const fed = [...graph.links.values()].filter((link) => link.from === node.id);
    const inside = fed.filter((link) => chosen.has(link.to));
    if (!inside.length) continue;
    if (inside.length === fed.length) all.add(node.id);
    else {
      const { raw: _, ...copy } = node;
      const id = String(++last);
      nodes.set(id, { ...copy, id });
      inside.forEach((link) => links.set(link.id, { ...link, from: id }));
      all.add(id);
    }
  }
  const doc = all.size === chosen.size ? at.doc : put(at, { ...graph, nodes, links, lastNode: last });
  return { at: after(at, doc), chosen: all };
}

function cutOut(at: Place, chosen: ReadonlySet<NodeId>, name: string, sizes?: Sizes): Cut {
  const graph = graphOf(at);
  const box = union([...chosen].map((id) => boundsOf(at, graph.nodes.get(id)!, sizes)))!;
  const groups = new Set(
    graph.groups
      .filter((group) => {
        const inside = contents(at, group, sizes).nodes;
        return inside.length > 0 && inside.every((id) => chosen.has(id));
      })
      .map((group) => group.id),
  );
  const sources = distinct([...graph.links.values()].filter((l) => chosen.has(l.to) && !chosen.has(l.from)));
  const leaving = [...graph.links.values()].filter((l) => chosen.has(l.from) && !chosen.has(l.to));
  const targets = distinct(leaving).map((first) => leaving.filter((l) => sameSource(l, first)));
  const border = borderOf(graph, sources, targets, chosen, lastNumbers(at.doc).link);
  const inner = part(graph, chosen, groups);
  const definition: Definition = {
    ...inner,
    ...border,
    links: new Map([...inner.links, ...border.links]),
    id: uuid(),
    name,
    inputsAt: [box[0] - GAP - BORDER[0], box[1] + box[3] / 2 - BORDER[1] / 2, ...BORDER],
    outputsAt: [box[0] + box[2] + GAP, box[1] + box[3] / 2 - BORDER[1] / 2, ...BORDER],
  };
  return { definition, box, sources, targets, groups };
}

function sameSource(a: Link, b: Link): boolean {
  return a.from === b.from && a.fromSlot === b.fromSlot;
}

/** One link of each source. */
function distinct(links: readonly Link[]): Link[] {
  return links.filter((link, i) => links.findIndex((other) => sameSource(other, link)) === i);
}

/** The sockets of the border, named after what they lead to, and the links from and to them. */
function borderOf(
  graph: Graph,
  sources: readonly Link[],
  targets: readonly (readonly Link[])[],
  chosen: ReadonlySet<NodeId>,
  lastLink: number,
): Pick<Definition, "inputs" | "outputs" | "links" | "lastLink"> {
  const inputs: BorderSlot[] = [];
  const outputs: BorderSlot[] = [];
  const links: Link[] = [];
  const add = (link: Omit<Link, "id">) => links.push({ ...link, id: String(lastLink + links.length + 1) });
  sources.forEach((source, slot) => {
    const entering = [...graph.links.values()].filter((l) => sameSource(l, source) && chosen.has(l.to));
    const taken = inputsOf(graph, source.to)[source.toSlot]!;
    const wanted = targetType(graph, { node: source.to, slot: source.toSlot });
    const type = wanted === "*" ? sourceType(graph, { node: source.from, slot: source.fromSlot }) : wanted;
    inputs.push(borderSlot(inputs, taken.name || type, type));
    for (const { to, toSlot } of entering) add({ from: INPUTS, fromSlot: slot, to, toSlot, type });
  });
  targets.forEach(([first], slot) => {
    const { from, fromSlot } = first!;
    const given = outputsOf(graph, from)[fromSlot]!;
    const type = sourceType(graph, { node: from, slot: fromSlot });
    outputs.push(borderSlot(outputs, given.name || type, type));
    add({ from, fromSlot, to: OUTPUTS, toSlot: slot, type });
  });
  return { inputs, outputs, links: new Map(links.map((link) => [link.id, link])), lastLink: lastLink + links.length };
}

/** The chosen nodes go, and an instance comes, with their links to the rest. */
function replaceBy(at: Place, cut: Cut, chosen: ReadonlySet<NodeId>): Made {
  const graph = graphOf(at);
  const last = lastNumbers(at.doc);
  const id = String(last.node + 1);
  const { definition, box } = cut;
  const middle: [number, number] = [box[0] + box[2] / 2, box[1] + box[3] / 2];
  const blank = newNode(at, definition.id, [0, 0]);
  const size = boundsOf(at, { ...blank, id } as Node);
  const instance: Node = { ...blank, id, pos: rounded(minus(middle, [size[2] / 2, size[3] / 2 - 30])) };
  const links: Omit<Link, "id">[] = [
    ...cut.sources.map(({ from, fromSlot, type }, slot) => ({ from, fromSlot, to: id, toSlot: slot, type })),
    ...cut.targets.flatMap((targets, fromSlot) =>
      targets.map(({ to, toSlot, type }) => ({ from: id, fromSlot, to, toSlot, type })),
    ),
  ];
  const { bends, links: kept } = dropLinks(graph, (link) => chosen.has(link.from) || chosen.has(link.to));
  const made = links.map((link, i): Link => ({ ...link, id: String(last.link + i + 1) }));
  const nodes = [...graph.nodes].filter(([other]) => !chosen.has(other));
  const doc = put(at, {
    ...graph,
    nodes: new Map([...nodes, [id, instance]]),
    links: new Map([...kept, ...made.map((link) => [link.id, link] as const)]),
    bends,
    groups: graph.groups.filter((group) => !cut.groups.has(group.id)),
    lastNode: last.node + 1,
    lastLink: last.link + made.length,
  });
  return { doc, nodes: [id] };
}

function rounded([x, y]: readonly [number, number]): [number, number] {
  return [Math.round(x), Math.round(y)];
}
