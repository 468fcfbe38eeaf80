/** What React Flow says was moved, done to the document. */

import { moveBend } from "../edit/bends";
import { duplicate } from "../edit/clipboard";
import { contents, moveGroup, type Contents } from "../edit/groups";
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

const NOTHING: Contents = { nodes: [], groups: [], bends: [] };

export function applyMoves(at: Place, moves: Moves, carried: Carried): Document {
  const nodes = new Map<NodeId, Point>();
  let now = at;
  for (const [id, pos] of moves) {
    if (id.startsWith("group:")) now = after(now, moveFrame(now, id.slice(6), pos, carried.get(id)));
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

function moveFrame(at: Place, id: string, [x, y]: Point, along: Contents = NOTHING): Document {
  const [left = x, top = y] = graphOf(at).groups.find((one) => one.id === id)?.bounds ?? [];
  return moveGroup(at, id, [x - left, y - top], along);
}

function moveBorder(at: Place, id: NodeId, [x, y]: Point): Document {
  const definition = definitionOf(at);
  if (!definition) return at.doc;
  const key = id === INPUTS ? "inputsAt" : "outputsAt";
  const [, , width, height] = definition[key];
  return put(at, { ...definition, [key]: [x, y, width, height] } as typeof definition);
}

export interface Twins {
  readonly doc: Document;
  /** The copy of each thing that is dragged, by the ids that React Flow has. */
  readonly ids: ReadonlyMap<string, string>;
  readonly carried: Carried;
}

/** Copies of what is dragged, in its place: they are dragged from here on, and the originals stay. */
export function twinsOf(at: Place, dragged: readonly string[], carried: Carried): Twins {
  const along = [...carried.values()];
  const graph = graphOf(at);
  const chosen = new Set([...dragged, ...along.flatMap(({ nodes }) => nodes)]);
  const frames = new Set([...dragged, ...along.flatMap(({ groups }) => groups.map((id) => `group:${id}`))]);
  const nodes = [...graph.nodes.keys()].filter((id) => chosen.has(id));
  const groups = graph.groups.map(({ id }) => id).filter((id) => frames.has(`group:${id}`));
  const made = duplicate(at, { nodes, groups }, [0, 0]);
  const node = new Map(nodes.map((id, i) => [id, made.nodes[i]!]));
  const group = new Map(groups.map((id, i) => [id, made.groups[i]!]));
  const ids = new Map([...node, ...[...group].map(([old, now]) => [`group:${old}`, `group:${now}`] as const)]);
  const moved = [...carried].map(([id, what]): [string, Contents] => [
    ids.get(id)!,
    { nodes: what.nodes.map((n) => node.get(n)!), groups: what.groups.map((g) => group.get(g)!), bends: [] },
  ]);
  return { doc: made.doc, ids, carried: new Map(moved) };
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
