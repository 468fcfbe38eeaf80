/** A graph put into another one: everything gets new ids, and what it says of itself follows. */

import { plus } from "../model/geometry";
import { INPUTS, OUTPUTS } from "../model/types";
import type { Bend, Document, Graph, Group, Link, Node, NodeId, Point } from "../model/types";
import { bendsOn, graphOf, lastNumbers, put, type Place } from "./place";

export interface Merged {
  readonly doc: Document;
  /** The new id of each node. */
  readonly ids: ReadonlyMap<NodeId, NodeId>;
  readonly groups: readonly string[];
}

/** Copies nodes, the links between them, bends and groups, moved by `by`. Links to the border are left out. */
export function merge(at: Place, other: Graph, by: Point): Merged {
  const graph = graphOf(at);
  const last = lastNumbers(at.doc);
  const ids = renumber(other.nodes.keys(), last.node);
  const inner = [...other.links.values()].filter((link) => ids.has(link.from) && ids.has(link.to));
  const linkIds = renumber(
    inner.map((link) => link.id),
    last.link,
  );
  const used = usedBends(other, inner);
  const bendIds = renumber(
    used.map((bend) => bend.id),
    top(graph.bends.keys()),
  );
  const groupIds = renumber(
    other.groups.map((group) => group.id),
    top(graph.groups.map((g) => g.id.replace("#", ""))),
  );
  const now: Graph = {
    ...graph,
    nodes: added(
      graph.nodes,
      [...other.nodes.values()].map((node) => copied(node, ids, by)),
    ),
    links: added(
      graph.links,
      inner.map((link) => relinked(link, ids, linkIds, bendIds)),
    ),
    bends: added(
      graph.bends,
      used.map((bend) => rebent(bend, bendIds, by)),
    ),
    groups: [...graph.groups, ...other.groups.map((group) => regrouped(group, groupIds, by))],
    lastNode: ids.size ? last.node + ids.size : graph.lastNode,
    lastLink: linkIds.size ? last.link + linkIds.size : graph.lastLink,
  };
  return { doc: put(at, now), ids, groups: [...groupIds.values()] };
}

function renumber(old: Iterable<string>, last: number): Map<string, string> {
  return new Map([...old].map((id, i) => [id, String(last + 1 + i)]));
}

function top(ids: Iterable<string>): number {
  return Math.max(0, ...[...ids].map(Number).filter(Number.isSafeInteger));
}

function added<T extends { readonly id: string }>(map: ReadonlyMap<string, T>, more: readonly T[]): Map<string, T> {
  return new Map([...map, ...more.map((one) => [one.id, one] as const)]);
}

function copied(node: Node, ids: ReadonlyMap<NodeId, NodeId>, by: Point): Node {
  return { ...node, id: ids.get(node.id)!, pos: plus(node.pos, by) };
}

function relinked(
  link: Link,
  nodes: ReadonlyMap<NodeId, NodeId>,
  links: ReadonlyMap<string, string>,
  bends: ReadonlyMap<string, string>,
): Link {
  const { raw: _, bend, ...rest } = link;
  const last = bend === undefined ? undefined : bends.get(bend);
  return {
    ...rest,
    id: links.get(link.id)!,
    from: nodes.get(link.from)!,
    to: nodes.get(link.to)!,
    ...(last === undefined ? {} : { bend: last }),
  };
}

function usedBends(graph: Graph, links: readonly Link[]): Bend[] {
  const used = bendsOn(graph, links);
  return [...graph.bends.values()].filter((bend) => used.has(bend.id));
}

function rebent({ raw: _, parent, ...bend }: Bend, ids: ReadonlyMap<string, string>, by: Point): Bend {
  const before = parent === undefined ? undefined : ids.get(parent);
  const moved = { ...bend, id: ids.get(bend.id)!, pos: plus(bend.pos, by) };
  return before === undefined ? moved : { ...moved, parent: before };
}

function regrouped(group: Group, ids: ReadonlyMap<string, string>, by: Point): Group {
  const [x, y, width, height] = group.bounds;
  return { ...group, id: ids.get(group.id)!, bounds: [x + by[0], y + by[1], width, height] };
}

/** A part of a graph: some nodes, the links between them, and some groups. */
export function part(graph: Graph, nodes: ReadonlySet<NodeId>, groups: ReadonlySet<string> = new Set()): Graph {
  const inside = (id: NodeId) => nodes.has(id) && id !== INPUTS && id !== OUTPUTS;
  const links = new Map([...graph.links].filter(([, link]) => inside(link.from) && inside(link.to)));
  return {
    nodes: new Map([...graph.nodes].filter(([id]) => nodes.has(id))),
    links,
    groups: graph.groups.filter((group) => groups.has(group.id)),
    bends: new Map(usedBends(graph, [...links.values()]).map((bend) => [bend.id, bend])),
    lastNode: graph.lastNode,
    lastLink: graph.lastLink,
  };
}
