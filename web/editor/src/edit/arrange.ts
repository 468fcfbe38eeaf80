/** Aligning and distributing nodes. */

import type { Sizes } from "../model/geometry";
import { TITLE } from "../model/geometry";
import type { Document, Node, NodeId, Point, Rect } from "../model/types";
import { boundsOf } from "./groups";
import { moveNodes } from "./nodes";
import { graphOf, type Place } from "./place";

export type Edge = "left" | "right" | "top" | "bottom" | "center" | "middle";

interface Box {
  readonly node: Node;
  readonly rect: Rect;
}

function boxes(at: Place, ids: Iterable<NodeId>, sizes?: Sizes): Box[] {
  const nodes = [...ids].flatMap((id) => graphOf(at).nodes.get(id) ?? []);
  return nodes.filter((node) => !node.flags.pinned).map((node) => ({ node, rect: boundsOf(at, node, sizes) }));
}

/** Where along its axis a rectangle has an edge, and where its corner is if the edge is to be there. */
const EDGES: Readonly<Record<Edge, { axis: 0 | 1; share: number; pick: (values: number[]) => number }>> = {
  left: { axis: 0, share: 0, pick: (values) => Math.min(...values) },
  right: { axis: 0, share: 1, pick: (values) => Math.max(...values) },
  center: { axis: 0, share: 0.5, pick: average },
  top: { axis: 1, share: 0, pick: (values) => Math.min(...values) },
  bottom: { axis: 1, share: 1, pick: (values) => Math.max(...values) },
  middle: { axis: 1, share: 0.5, pick: average },
};

function average(values: number[]): number {
  return Math.round(values.reduce((a, b) => a + b, 0) / values.length);
}

export function align(at: Place, ids: Iterable<NodeId>, edge: Edge, sizes?: Sizes): Document {
  const found = boxes(at, ids, sizes);
  if (found.length < 2) return at.doc;
  const { axis, share, pick } = EDGES[edge];
  const where = (rect: Rect) => rect[axis] + share * rect[axis + 2]!;
  const line = pick(found.map(({ rect }) => where(rect)));
  return place(at, found, axis, ({ rect }) => Math.round(line - share * rect[axis + 2]!));
}

/** The same gap between each and the next, the outermost staying where they are. */
export function distribute(at: Place, ids: Iterable<NodeId>, axis: 0 | 1, sizes?: Sizes): Document {
  const found = boxes(at, ids, sizes).sort((a, b) => a.rect[axis] - b.rect[axis]);
  if (found.length < 3) return at.doc;
  const ends = [found[0]!.rect, found.at(-1)!.rect] as const;
  const room = ends[1][axis] + ends[1][axis + 2]! - ends[0][axis];
  const gap = (room - found.reduce((sum, { rect }) => sum + rect[axis + 2]!, 0)) / (found.length - 1);
  const starts = new Map<Box, number>();
  let next = ends[0][axis];
  for (const box of found) {
    starts.set(box, Math.round(next));
    next += box.rect[axis + 2]! + gap;
  }
  return place(at, found, axis, (box) => starts.get(box)!);
}

function place(at: Place, found: readonly Box[], axis: 0 | 1, start: (box: Box) => number): Document {
  const positions = found.map((box): [NodeId, Point] => {
    const [x, y] = [box.rect[0], box.rect[1]];
    const corner: Point = axis === 0 ? [start(box), y] : [x, start(box)];
    return [box.node.id, [corner[0], corner[1] + TITLE]];
  });
  return moveNodes(at, new Map(positions));
}
