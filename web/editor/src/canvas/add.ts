/** Adding a node that was chosen in the search, connected to what it was wanted for. */

import { make } from "../app/editor";
import { addNode, moveNodes } from "../edit/nodes";
import { after, graphOf, type Made, type Place } from "../edit/place";
import { TITLE } from "../model/geometry";
import type { Point } from "../model/types";
import { remember } from "./candidates";
import { join } from "./drag";
import { bestSlot } from "./fits";
import { settings, type PaletteRequest, type Socket } from "./ui";

const WIDTH = 230;
const GRID = 10;

export function addChosen(type: string, { flow, ends = [], taken = [] }: PaletteRequest): void {
  remember(type);
  make((at) => placed(at, type, flow, ends, taken));
}

function placed(at: Place, type: string, flow: Point, ends: readonly Socket[], taken: readonly string[]): Made {
  const made = addNode(at, type, corner(flow, ends[0]?.side));
  const id = made.nodes[0]!;
  const there = after(at, made.doc);
  const target = ends.length ? bestSlot(there, id, ends) : undefined;
  if (!target) return made;
  const row = after(at, join(there, ends, taken, target));
  const pos = graphOf(row).nodes.get(id)!.pos;
  // the socket that is connected comes to where the link was let go
  const lifted: Point = [pos[0], pos[1] - 16 - 20 * Math.min(target.slot, 12)];
  return { doc: moveNodes(row, new Map([[id, lifted]])), nodes: made.nodes };
}

/** A node for a loose output stands to its right, one for a loose input to its left. */
function corner([x, y]: Point, side: Socket["side"] | undefined): Point {
  const at: Point = side === undefined ? [x - 20, y + TITLE / 2] : side === "output" ? [x + 8, y] : [x - WIDTH, y];
  if (!settings.get().snap) return [Math.round(at[0]), Math.round(at[1])];
  return [Math.round(at[0] / GRID) * GRID, Math.round(at[1] / GRID) * GRID];
}
