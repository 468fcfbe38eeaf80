/** The tour: four things to know, each shown beside what it is about. */

import { editor, graph } from "../app/editor";
import { createStore } from "../app/store";
import type { Key } from "../i18n";

export interface TourStep {
  readonly title: Key;
  readonly text: Key;
  /** What it points at, the best first; a step without any of them is shown in the middle. */
  readonly at: readonly (string | (() => string | undefined))[];
  /** A press there is what the step asks for: the next one follows. */
  readonly press?: boolean;
}

export const STEPS: readonly TourStep[] = [
  {
    title: "widgets.tour.node",
    text: "widgets.tour.nodeText",
    at: [".react-flow__node:has(.w-with-button)", ".react-flow__node"],
  },
  {
    title: "widgets.tour.prompt",
    text: "widgets.tour.promptText",
    at: [".react-flow__node textarea", ".react-flow__node:has(textarea)"],
  },
  { title: "widgets.tour.run", text: "widgets.tour.runText", at: [".run-button"], press: true },
  {
    title: "widgets.tour.picture",
    text: "widgets.tour.pictureText",
    at: [".react-flow__node:has(.node-picture, .node-pictures)", lastNode],
  },
];

/** The node that shows what was made. */
function lastNode(): string | undefined {
  const { defs } = editor.get();
  const found = [...graph().nodes.values()].find((node) => defs.get(node.type)?.isOutput);
  return found && `.react-flow__node[data-id="${found.id}"]`;
}

/** The step that is shown; undefined: no tour. */
export const tour = createStore<number | undefined>(undefined);

export function startTour(): void {
  tour.set(() => 0);
}

export function endTour(): void {
  tour.set(() => undefined);
}

export function nextStep(): void {
  tour.set((at) => (at === undefined || at + 1 >= STEPS.length ? undefined : at + 1));
}

export function previousStep(): void {
  tour.set((at) => (at ? at - 1 : at));
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const GAP = 14;
const EDGE = 10;
const SMALL = 60;

/** Beside its target where there is room: right, left, under, over (a button: under); else at the bottom. */
export function placeCard(target: Box | undefined, card: Size, view: Size): { left: number; top: number } {
  const inX = (x: number) => Math.max(EDGE, Math.min(x, view.width - card.width - EDGE));
  const inY = (y: number) => Math.max(EDGE, Math.min(y, view.height - card.height - EDGE));
  const bottom = { left: inX((view.width - card.width) / 2), top: inY(view.height - card.height - 3 * EDGE) };
  if (!target) return bottom;
  const under = { left: inX((target.left + target.right - card.width) / 2), top: target.bottom + GAP };
  const fits = under.top + card.height < view.height;
  if (fits && target.bottom - target.top < SMALL) return under;
  if (target.right + GAP + card.width < view.width) return { left: inX(target.right + GAP), top: inY(target.top) };
  if (target.left - GAP - card.width > 0) return { left: inX(target.left - GAP - card.width), top: inY(target.top) };
  if (fits) return under;
  return target.top - GAP - card.height > 0 ? { ...under, top: target.top - GAP - card.height } : bottom;
}
