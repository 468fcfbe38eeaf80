/** React Flow's nodes and edges of the shown graph, and what it reports about them. */

import type { NodeChange, EdgeChange } from "@xyflow/react";
import { useCallback, useRef, useState } from "react";
import { activeTab, change, editor, here, select, tabOf, type Tab } from "../app/editor";
import { useStore } from "../app/store";
import { present } from "../model/history";
import type { Point } from "../model/types";
import { deriver, type AnyEdge, type AnyNode, type Derived, type Measured } from "./derive";
import { applyMoves, carriedBy, twinsOf, type Carried } from "./moves";
import { sizes } from "./viewport";

type Sizes = ReadonlyMap<string, Measured>;
let gestures = 0;

export interface Moving {
  readonly gesture: string;
  readonly carried: Carried;
  /** The copies that are dragged in place of what the pointer took. */
  readonly twins?: ReadonlyMap<string, string>;
}

/** Nodes that are moved by keys, not dragged. */
const STEP: Moving = { gesture: "nudge", carried: new Map() };

export function useDerived(tab: Tab): Derived & {
  onNodesChange: (changes: NodeChange<AnyNode>[]) => void;
  onEdgesChange: (changes: EdgeChange<AnyEdge>[]) => void;
  /** alone: without what groups hold; copy: copies are moved, and what was there stays. */
  beginMove: (how: { readonly alone: boolean; readonly copy: boolean }) => void;
  /** Gives the move that is over. */
  endMove: () => Moving;
} {
  const [derive] = useState(deriver);
  const [measured, setMeasured] = useState<Sizes>(new Map());
  const defs = useStore(editor, (state) => state.defs);
  const { at, hosts, selection } = tab;
  const derived = derive({ doc: present(tab.history), at, hosts, defs, selection, measured });
  const moving = useRef(STEP);

  const onNodesChange = useCallback((changes: NodeChange<AnyNode>[]) => {
    const found = new Map<string, Measured>();
    const moves = new Map<string, Point>();
    for (const c of changes) {
      if (c.type === "dimensions" && c.dimensions) found.set(c.id, c.dimensions);
      if (c.type === "position" && c.position) moves.set(c.id, [c.position.x, c.position.y]);
    }
    if (found.size) setMeasured((before) => new Map([...before, ...found]));
    if (moves.size) move(moves, moving.current);
    selectFrom(changes);
  }, []);

  const beginMove = useCallback(({ alone, copy }: { readonly alone: boolean; readonly copy: boolean }) => {
    const dragged = [...activeTab().selection];
    const carried: Carried = alone ? new Map() : carriedBy(here(), dragged, sizes());
    const gesture = `move${++gestures}`;
    moving.current = copy ? copied(gesture, dragged, carried) : { gesture, carried };
  }, []);
  const endMove = useCallback(() => {
    const done = moving.current;
    moving.current = STEP;
    if (done.twins) select(done.twins.values());
    return done;
  }, []);
  return { ...derived, onNodesChange, onEdgesChange: selectFrom, beginMove, endMove };
}

function move(moves: ReadonlyMap<string, Point>, { gesture, carried, twins }: Moving): void {
  const meant = twins
    ? new Map([...moves].flatMap(([id, to]) => (twins.has(id) ? [[twins.get(id)!, to] as const] : [])))
    : moves;
  change((place) => applyMoves(place, meant, carried), gesture);
}

function copied(gesture: string, dragged: readonly string[], before: Carried): Moving {
  const { doc, ids, carried } = twinsOf(here(), dragged, before);
  change(() => doc, gesture);
  return { gesture, carried, twins: ids };
}

function selectFrom(changes: readonly (NodeChange<AnyNode> | EdgeChange<AnyEdge>)[]): void {
  const chosen = changes.filter((c) => c.type === "select");
  const tab = chosen.length ? tabOf(editor.get()) : undefined;
  if (!tab) return;
  const selection = new Set(tab.selection);
  for (const { id, selected } of chosen) {
    if (selected) selection.add(id);
    else selection.delete(id);
  }
  select(selection);
}
