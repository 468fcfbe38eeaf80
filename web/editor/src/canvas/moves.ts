/** What React Flow says was moved, done to the document. */

import { moveBend } from "../edit/bends";
import { contents, moveAll, setGroup, type Contents } from "../edit/groups";
import { moveNodes } from "../edit/nodes";
import { after, definitionOf, graphOf, put, type Place } from "../edit/place";
import { TITLE, type Sizes } from "../model/geometry";
import { REROUTE } from "../model/nodes";
import { INPUTS, OUTPUTS, type Document, type Group, type NodeId, type Point } from "../model/types";

/** New corners on the screen by the ids that React Flow has. */
export type Moves = ReadonlyMap<string, Point>;

/** What goes along with dragged groups: fixed when the drag begins, so that nothing is swept up on the way. */
export type Carried = ReadonlyMap<string, Contents>;

export const BEND = 8;

export function applyMoves(at: Place, moves: Moves, carried: Carried): Document {
  const nodes = new Map<NodeId, Point>();
  let now = at;
  for (const [id, pos] of moves) {
    if (id.startsWith("group:")) now = after(now, moveGroup(now, id.slice(6), pos, carried.get(id)));
    else if (id.startsWith("bend:")) now = after(now, moveBend(now, id.slice(5), [pos[0] + BEND, pos[1] + BEND]));
    else if (id === INPUTS || id === OUTPUTS) now = after(now, moveBorder(now, id, pos));
    else nodes.set(id, below(now, id, pos));
  }
  return moveNodes(now, nodes);
}

/** A node's position is below its title. */
function below(at: Place, id: NodeId, [x, y]: Point): Point {
  return graphOf(at).nodes.get(id)?.type === REROUTE ? [x, y] : [x, y + TITLE];
}

function moveGroup(at: Place, id: string, [x, y]: Point, along: Contents | undefined): Document {
  const group = graphOf(at).groups.find((one) => one.id === id);
  if (!group || group.pinned) return at.doc;
  const [left, top, width, height] = group.bounds;
  const moved = after(at, setGroup(at, id, { bounds: [x, y, width, height] }));
  return along ? moveAll(moved, along, [x - left, y - top]) : moved.doc;
}

function moveBorder(at: Place, id: NodeId, [x, y]: Point): Document {
  const definition = definitionOf(at);
  if (!definition) return at.doc;
  const key = id === INPUTS ? "inputsAt" : "outputsAt";
  const [, , width, height] = definition[key];
  return put(at, { ...definition, [key]: [x, y, width, height] } as typeof definition);
}

/** What each dragged group carries: nothing that is dragged itself, and nothing twice. */
export function carriedBy(at: Place, dragged: readonly string[], sizes?: Sizes): Carried {
  const taken = new Set(dragged);
  const groups = dragged.flatMap((id) => graphOf(at).groups.find((group) => `group:${group.id}` === id) ?? []);
  const largest = [...groups].sort((a, b) => area(b) - area(a));
  const carried = new Map<string, Contents>();
  for (const group of largest) {
    const inside = contents(at, group, sizes);
    const left = (prefix: string) => (id: string) => !taken.has(prefix + id) && Boolean(taken.add(prefix + id));
    carried.set(`group:${group.id}`, {
      nodes: inside.nodes.filter(left("")),
      groups: inside.groups.filter(left("group:")),
      bends: inside.bends.filter(left("bend:")),
    });
  }
  return carried;
}

function area({ bounds }: Group): number {
  return bounds[2] * bounds[3];
}
