/** What the canvas itself can do: looking, selecting, copying, undoing. The help shows this table too. */

import { activeTab, change, enter, graph, isRedoable, isUndoable, leave, redo, select, undo } from "../app/editor";
import { moveAll } from "../edit/groups";
import type { Key } from "../i18n";
import type { Point } from "../model/types";
import { chosen, isOpen, perform } from "./doing";
import { open } from "./ui";
import { container, fitView, pointerOrMiddle, socketsOf, toFlow, zoomBy } from "./viewport";

export interface CanvasCommand {
  readonly id: string;
  readonly label: Key;
  readonly keys: readonly string[];
  /** Absent: always. */
  readonly when?: () => boolean;
  readonly run: () => void;
}

export const CANVAS_COMMANDS: readonly CanvasCommand[] = [
  { id: "search", label: "canvas.search", keys: ["Tab", "Space"], run: searchHere },
  { id: "undo", label: "canvas.undo", keys: ["Mod+Z"], when: isUndoable, run: undo },
  { id: "redo", label: "canvas.redo", keys: ["Mod+Shift+Z", "Mod+Y"], when: isRedoable, run: redo },
  { id: "selectAll", label: "canvas.selectAll", keys: ["Mod+A"], run: selectAll },
  { id: "deselect", label: "canvas.cancel", keys: ["Escape"], run: () => select([]) },
  { id: "fit", label: "canvas.fitSelected", keys: ["F", "."], run: fitSelected },
  { id: "zoomIn", label: "canvas.zoomIn", keys: ["+", "="], run: () => zoomBy(1.25) },
  { id: "zoomOut", label: "canvas.zoomOut", keys: ["-"], run: () => zoomBy(0.8) },
  { id: "mute", label: "commands.mute", keys: ["M"], run: () => perform("mute") },
  { id: "rename", label: "canvas.rename", keys: ["T"], run: renameSelected },
  { id: "connect", label: "canvas.keyboardConnect", keys: ["C"], run: connectSelected },
  { id: "enter", label: "canvas.enter", keys: ["Alt+ArrowDown"], run: enterSelected },
  { id: "leave", label: "canvas.leave", keys: ["Alt+ArrowUp"], run: () => leave() },
];

export function searchHere(): void {
  const screen = pointerOrMiddle();
  open({ palette: { screen, flow: toFlow(screen) } });
}

export function selectAll(): void {
  const shown = graph();
  select([
    ...shown.nodes.keys(),
    ...shown.groups.map((group) => `group:${group.id}`),
    ...[...shown.bends.keys()].map((id) => `bend:${id}`),
  ]);
}

function fitSelected(): void {
  const ids = [...activeTab().selection].filter((id) => !id.startsWith("link:"));
  fitView(ids);
}

function renameSelected(): void {
  const { nodes, groups } = chosen(activeTab().selection);
  if (nodes.length === 1) open({ naming: nodes[0]! });
  else if (!nodes.length && groups.length === 1) open({ naming: `group:${groups[0]}` });
}

function enterSelected(): void {
  const { nodes } = chosen(activeTab().selection);
  if (nodes.length === 1) enter(nodes[0]!);
}

/** Lists what the first output of the selected node may be connected to; its other sockets are a Tab away. */
function connectSelected(): void {
  const { nodes } = chosen(activeTab().selection);
  const [first] = nodes.length === 1 ? socketsOf(nodes[0]!) : [];
  first?.focus();
}

const STEPS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Arrows move what is selected; with Shift, by more. True if something was done. */
export function nudge(key: string, far: boolean): boolean {
  const step = STEPS[key];
  if (!step || !isOpen() || !container()) return false;
  const { nodes, groups, bends } = chosen(activeTab().selection);
  if (!nodes.length && !groups.length && !bends.length) return false;
  const by: Point = [step[0] * (far ? 50 : 10), step[1] * (far ? 50 : 10)];
  change((at) => moveAll(at, { nodes, groups, bends }, by), "nudge");
  return true;
}
