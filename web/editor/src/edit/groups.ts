/** Groups: named frames, which move with what is in them. */

import { bounds, estimate, grown, holds, plus, union, type Sizes } from "../model/geometry";
import { defOf } from "../model/instances";
import type { Document, Graph, Group, Node, NodeId, Point, Rect } from "../model/types";
import { graphOf, onGraph, type Place } from "./place";

const MARGIN = 10;
const HEADING = 40;

export function boundsOf(at: Place, node: Node, sizes?: Sizes): Rect {
  return bounds(node, sizes?.get(node.id) ?? estimate(node, defOf(at.doc, node, at.defs)));
}

/** A group around nodes. */
export function addGroup(at: Place, title: string, ids: Iterable<NodeId>, sizes?: Sizes): Document {
  const nodes = [...ids].flatMap((id) => graphOf(at).nodes.get(id) ?? []);
  const inner = union(nodes.map((node) => boundsOf(at, node, sizes)));
  return inner ? addGroupAt(at, title, grown(inner, MARGIN, HEADING)) : at.doc;
}

export function addGroupAt(at: Place, title: string, rect: Rect): Document {
  return onGraph(at, (graph) => ({
    ...graph,
    groups: [...graph.groups, { id: freeId(graph), title, bounds: rect, color: "#3f789e" }],
  }));
}

/** Numbers as the file has them, or our own (`#3`) where it has none. */
function freeId(graph: Graph): string {
  const numbers = graph.groups.map((group) => Number(group.id.replace("#", "")));
  const last = Math.max(0, ...numbers.filter(Number.isSafeInteger));
  return String(last + 1);
}

export function setGroup(at: Place, id: string, change: Partial<Omit<Group, "id" | "raw">>): Document {
  return onGraph(at, (graph) => ({
    ...graph,
    groups: graph.groups.map((group) => (group.id === id ? { ...group, ...change } : group)),
  }));
}

export function removeGroups(at: Place, ids: Iterable<string>): Document {
  const gone = new Set(ids);
  return onGraph(at, (graph) => {
    const groups = graph.groups.filter((group) => !gone.has(group.id));
    return groups.length === graph.groups.length ? graph : { ...graph, groups };
  });
}

export interface Contents {
  readonly nodes: readonly NodeId[];
  readonly groups: readonly string[];
  readonly bends: readonly string[];
}

/** What moves with a group: what has its middle inside, and smaller groups that are. */
export function contents(at: Place, group: Group, sizes?: Sizes): Contents {
  const graph = graphOf(at);
  const inside = (rect: Rect) => holds(group.bounds, rect);
  return {
    nodes: [...graph.nodes.values()].filter((node) => inside(boundsOf(at, node, sizes))).map((node) => node.id),
    groups: graph.groups.filter((other) => other !== group && within(group.bounds, other.bounds)).map((g) => g.id),
    bends: [...graph.bends.values()].filter((bend) => inside([...bend.pos, 0, 0])).map((bend) => bend.id),
  };
}

function within(outer: Rect, inner: Rect): boolean {
  const [right, bottom] = [inner[0] + inner[2], inner[1] + inner[3]];
  const starts = inner[0] >= outer[0] && inner[1] >= outer[1];
  return starts && right <= outer[0] + outer[2] && bottom <= outer[1] + outer[3];
}

/** Moves a group; `what` is what was in it when the gesture began. Pinned ones stay. */
export function moveGroup(at: Place, id: string, by: Point, what: Contents): Document {
  const group = graphOf(at).groups.find((one) => one.id === id);
  if (!group || group.pinned || (by[0] === 0 && by[1] === 0)) return at.doc;
  return moveAll(at, { ...what, groups: [id, ...what.groups] }, by);
}

/** Moves nodes, groups and bends together. */
export function moveAll(at: Place, what: Contents, by: Point): Document {
  const [ids, groups, bends] = [new Set(what.nodes), new Set(what.groups), new Set(what.bends)];
  return onGraph(at, (graph) => ({
    ...graph,
    nodes: ids.size
      ? new Map([...graph.nodes].map(([id, node]) => [id, ids.has(id) ? moved(node, by) : node]))
      : graph.nodes,
    groups: graph.groups.map((group) => (groups.has(group.id) && !group.pinned ? movedGroup(group, by) : group)),
    bends: new Map(
      [...graph.bends].map(([id, bend]) => [id, bends.has(id) ? { ...bend, pos: plus(bend.pos, by) } : bend]),
    ),
  }));
}

function moved(node: Node, by: Point): Node {
  return node.flags.pinned ? node : { ...node, pos: plus(node.pos, by) };
}

function movedGroup(group: Group, by: Point): Group {
  const [x, y, width, height] = group.bounds;
  return { ...group, bounds: [x + by[0], y + by[1], width, height] };
}

/** As large as what is in it needs. */
export function fitGroup(at: Place, id: string, sizes?: Sizes): Document {
  const group = graphOf(at).groups.find((one) => one.id === id);
  if (!group) return at.doc;
  const nodes = contents(at, group, sizes).nodes.map((node) => graphOf(at).nodes.get(node)!);
  const inner = union(nodes.map((node) => boundsOf(at, node, sizes)));
  return inner ? setGroup(at, id, { bounds: grown(inner, MARGIN, HEADING) }) : at.doc;
}
