/**
 * Automatic layout: layers from left to right along the links, each node as near to what feeds it as its layer allows.
 *
 * After Sugiyama, Tagawa, Toda 1981: layers by longest path, order in each layer by the middle of the neighbours.
 * The same graph always gets the same layout.
 */

import { TITLE, union, type Sizes } from "../model/geometry";
import type { Document, Graph, NodeId, Point, Rect } from "../model/types";
import { boundsOf } from "./groups";
import { moveNodes } from "./nodes";
import { graphOf, type Place } from "./place";

const BETWEEN_LAYERS = 80;
const BETWEEN_NODES = 40;
const SWEEPS = 8;

/** Lays out some nodes, or all; they keep their upper left corner, and pinned ones their place. */
export function layOut(at: Place, ids?: Iterable<NodeId>, sizes?: Sizes): Document {
  const graph = graphOf(at);
  const chosen = new Set(ids ?? graph.nodes.keys());
  const nodes = [...graph.nodes.values()].filter((node) => chosen.has(node.id) && !node.flags.pinned);
  const rects = new Map(nodes.map((node) => [node.id, boundsOf(at, node, sizes)]));
  const corner = union([...rects.values()]);
  if (!corner) return at.doc;
  const layers = ordered(layersOf(graph, rects), graph, rects);
  return moveNodes(at, positions(layers, graph, rects, [corner[0], corner[1]]));
}

type Rects = ReadonlyMap<NodeId, Rect>;
type Neighbours = ReadonlyMap<NodeId, readonly NodeId[]>;

function neighbours(graph: Graph, rects: Rects, end: "from" | "to"): Neighbours {
  const other = end === "from" ? "to" : "from";
  const found = new Map<NodeId, NodeId[]>();
  for (const link of graph.links.values()) {
    if (!rects.has(link[end]) || !rects.has(link[other])) continue;
    found.set(link[other], [...(found.get(link[other]) ?? []), link[end]]);
  }
  return found;
}

/** Each node one layer behind the last of what feeds it; what feeds something only later moves up to it. */
function layersOf(graph: Graph, rects: Rects): NodeId[][] {
  const before = neighbours(graph, rects, "from");
  const behind = neighbours(graph, rects, "to");
  const rank = ranks([...rects.keys()], before);
  for (const id of [...rects.keys()].sort((a, b) => rank.get(b)! - rank.get(a)!)) {
    const users = (behind.get(id) ?? []).map((other) => rank.get(other)! - 1).filter((r) => r >= rank.get(id)!);
    if (users.length && !before.has(id)) rank.set(id, Math.min(...users));
  }
  const layers: NodeId[][] = [];
  for (const [id, r] of rank) (layers[r] ??= []).push(id);
  return layers.filter(Boolean);
}

/** The length of the longest way to each node; links that close a circle do not count. */
function ranks(ids: readonly NodeId[], before: Neighbours): Map<NodeId, number> {
  const rank = new Map<NodeId, number>();
  const open = new Set<NodeId>();
  const visit = (id: NodeId): number => {
    const known = rank.get(id);
    if (known !== undefined || open.has(id)) return known ?? -1;
    open.add(id);
    const value = 1 + Math.max(-1, ...(before.get(id) ?? []).map(visit));
    rank.set(id, value);
    return value;
  };
  ids.forEach(visit);
  return rank;
}

/** Fewer crossings: layer by layer, there and back, each node goes to the middle of its neighbours. */
function ordered(layers: NodeId[][], graph: Graph, rects: Rects): NodeId[][] {
  const sides = [neighbours(graph, rects, "from"), neighbours(graph, rects, "to")];
  let now = layers.map((layer) => [...layer].sort((a, b) => rects.get(a)![1] - rects.get(b)![1]));
  for (let sweep = 0; sweep < SWEEPS; sweep++) now = swept(now, sides[sweep % 2]!, sweep % 2 === 1);
  return now;
}

function swept(layers: NodeId[][], near: Neighbours, backwards: boolean): NodeId[][] {
  const place = new Map<NodeId, number>();
  for (const layer of layers) layer.forEach((id, i) => place.set(id, (i + 0.5) / layer.length));
  const next = [...layers];
  const order = [...layers.keys()];
  for (const i of backwards ? order.reverse() : order) {
    const middle = (id: NodeId) => {
      const around = (near.get(id) ?? []).map((other) => place.get(other)!);
      return around.length ? around.reduce((a, b) => a + b, 0) / around.length : place.get(id)!;
    };
    const middles = new Map(next[i]!.map((id) => [id, middle(id)]));
    next[i] = [...next[i]!].sort((a, b) => middles.get(a)! - middles.get(b)!);
    next[i].forEach((id, k) => place.set(id, (k + 0.5) / next[i]!.length));
  }
  return next;
}

/** Columns as wide as their widest node; in a column each beside what feeds it, where there is room. */
function positions(layers: NodeId[][], graph: Graph, rects: Rects, corner: Point): Map<NodeId, Point> {
  const before = neighbours(graph, rects, "from");
  const tops = new Map<NodeId, number>();
  const found = new Map<NodeId, Point>();
  let x = corner[0];
  for (const layer of layers) {
    let free = corner[1];
    for (const id of layer) {
      const sources = (before.get(id) ?? []).flatMap((other) => tops.get(other) ?? []);
      const wanted = sources.length ? Math.min(...sources) : corner[1];
      const top = Math.round(Math.max(free, wanted));
      tops.set(id, top);
      found.set(id, [Math.round(x), top + TITLE]);
      free = top + rects.get(id)![3] + BETWEEN_NODES;
    }
    x += Math.max(...layer.map((id) => rects.get(id)![2])) + BETWEEN_LAYERS;
  }
  return found;
}
