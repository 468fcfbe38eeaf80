/** Links as lines: their type, the bends on their way, and the curve that they make. */

import { INPUTS, type Definition, type Graph, type Link, type Point } from "../model/types";

/** What comes through a link: reroutes and old files say `*`, then it is what its output gives. */
export function linkType(graph: Graph, link: Link): string {
  let at: Link | undefined = link;
  const seen = new Set<string>();
  while (at && !seen.has(at.id)) {
    seen.add(at.id);
    const type: string | undefined = at.type !== "*" ? at.type : outputType(graph, at);
    if (type && type !== "*") return type;
    const from: string = at.from;
    at = [...graph.links.values()].find((before) => before.to === from);
  }
  return "*";
}

function outputType(graph: Graph, link: Link): string | undefined {
  if (link.from === INPUTS) return (graph as Partial<Definition>).inputs?.[link.fromSlot]?.type;
  return graph.nodes.get(link.from)?.outputs[link.fromSlot]?.type;
}

/** The positions of the bends of a link, in its direction. */
export function bendsOf(graph: Graph, link: Link): readonly Point[] {
  if (link.bend === undefined || !graph.bends.size) return NONE;
  const points: Point[] = [];
  const seen = new Set<string>();
  for (let id: string | undefined = link.bend; id !== undefined && !seen.has(id); id = graph.bends.get(id)?.parent) {
    seen.add(id);
    const bend = graph.bends.get(id);
    if (bend) points.unshift(bend.pos);
  }
  return points;
}

const NONE: readonly Point[] = [];

/** A curve through all points that leaves and arrives horizontally. */
export function wirePath(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${first[0]},${first[1]}`;
  let from = first;
  for (const to of rest) {
    const reach = pull(from, to);
    path += ` C${from[0] + reach},${from[1]} ${to[0] - reach},${to[1]} ${to[0]},${to[1]}`;
    from = to;
  }
  return path;
}

/** How far the curve goes on before it turns: more when the way leads back. */
function pull(from: Point, to: Point): number {
  const [dx, dy] = [to[0] - from[0], Math.abs(to[1] - from[1])];
  if (dx >= 0) return Math.max(dx * 0.5, Math.min(dy * 0.25, 40));
  return Math.min(40 + Math.abs(dx) * 0.35, 220);
}
