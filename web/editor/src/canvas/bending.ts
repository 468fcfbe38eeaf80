/** Bending a link where it was pointed at. */

import { change } from "../app/editor";
import { addBend, bendsOf } from "../edit/bends";
import { graphOf } from "../edit/place";
import type { LinkId, Point } from "../model/types";
import { container, toFlow } from "./viewport";

/** Between which of its bends a link comes nearest to a point: the index of the new one among them. */
export function bendIndex(line: readonly Point[], at: Point): number {
  const lengths = line.slice(1).map((to, i) => detour(line[i]!, at, to));
  return Math.max(0, lengths.indexOf(Math.min(...lengths)));
}

/** How much longer the way becomes. */
function detour(from: Point, over: Point, to: Point): number {
  return length(from, over) + length(over, to) - length(from, to);
}

function length(a: Point, b: Point): number {
  return Math.hypot(b[0] - a[0], b[1] - a[1]);
}

export function bendAt(id: LinkId, at: Point): void {
  change((place) => {
    const link = graphOf(place).links.get(id);
    const [start, end] = endsOf(id);
    if (!link || !start || !end) return place.doc;
    const bends = bendsOf(graphOf(place), link).map((bend) => bend.pos);
    return addBend(place, id, at, bendIndex([start, ...bends, end], at));
  });
}

/** Where a link begins and ends on the canvas. */
function endsOf(id: LinkId): [Point | undefined, Point | undefined] {
  const path = container()?.querySelector<SVGPathElement>(`.wire-reach[data-link="${CSS.escape(id)}"]`);
  const matrix = path?.getScreenCTM();
  if (!path || !matrix) return [undefined, undefined];
  const onCanvas = (point: DOMPoint): Point => {
    const { x, y } = point.matrixTransform(matrix);
    return toFlow([x, y]);
  };
  return [onCanvas(path.getPointAtLength(0)), onCanvas(path.getPointAtLength(path.getTotalLength()))];
}
