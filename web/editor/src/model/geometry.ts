/** Where things are. A node's `pos` is below its title, as in the standard's files. */

import { inputsOf } from "./widgets";
import type { NodeDef } from "./nodes";
import type { Node, NodeId, Point, Rect, Size } from "./types";

export const TITLE = 30;
export const GRID = 10;
const ROW = 24;
const TEXT_ROWS = 4;
const WIDTH = 220;
const WIDE = 400;

/** The sizes that nodes have on the screen, where somebody measured them. */
export type Sizes = ReadonlyMap<NodeId, Size>;

/** As large as a node is likely to be drawn, where nobody measured it. Without the title. */
export function estimate(node: Node, def: NodeDef | undefined): Size {
  if (node.size) return node.size;
  if (node.type === "Reroute") return [75, 26];
  const widgets = def ? inputsOf(def, node.values).filter((input) => input.widget && !input.advanced) : [];
  const long = widgets.filter((input) => input.widget === "longtext").length;
  const sockets = Math.max(node.inputs.filter((slot) => slot.widget === undefined).length, node.outputs.length);
  const rows = sockets + widgets.length + long * (TEXT_ROWS - 1);
  return [long ? WIDE : WIDTH, Math.max(1, rows) * ROW + 16];
}

/** With its title; a collapsed node is only that. */
export function bounds(node: Node, size: Size): Rect {
  const [x, y] = node.pos;
  if (node.flags.collapsed) return [x, y - TITLE, Math.min(size[0], 160), TITLE];
  return [x, y - TITLE, size[0], size[1] + TITLE];
}

export function union(rects: readonly Rect[]): Rect | undefined {
  if (!rects.length) return undefined;
  const left = Math.min(...rects.map((r) => r[0]));
  const top = Math.min(...rects.map((r) => r[1]));
  const right = Math.max(...rects.map((r) => r[0] + r[2]));
  const bottom = Math.max(...rects.map((r) => r[1] + r[3]));
  return [left, top, right - left, bottom - top];
}

export function overlap(a: Rect, b: Rect): boolean {
  return a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3];
}

/** Whether the middle of the inner one is inside. */
export function holds(outer: Rect, inner: Rect): boolean {
  const [x, y] = [inner[0] + inner[2] / 2, inner[1] + inner[3] / 2];
  return x >= outer[0] && x < outer[0] + outer[2] && y >= outer[1] && y < outer[1] + outer[3];
}

export function grown(rect: Rect, by: number, top = by): Rect {
  return [rect[0] - by, rect[1] - top, rect[2] + 2 * by, rect[3] + by + top];
}

export function plus(a: Point, b: Point): Point {
  return [a[0] + b[0], a[1] + b[1]];
}

export function minus(a: Point, b: Point): Point {
  return [a[0] - b[0], a[1] - b[1]];
}
