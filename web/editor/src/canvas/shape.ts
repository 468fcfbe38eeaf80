/**
 * How large a node is drawn and where its sockets are, before it is drawn: so that only what is in view is measured.
 * The lengths are those of `canvas.css`. What a node shows of its run, and text that is longer than its field, are
 * left to the measuring.
 */

import { Position, type NodeHandle } from "@xyflow/react";
import { TITLE } from "../model/geometry";
import { MARKDOWN, NOTE } from "../model/nodes";
import type { NodeData } from "./derive";
import { rowsOf, type Rows, type WidgetRow } from "./rows";

export interface Shape {
  readonly measured: { readonly width: number; readonly height: number };
  readonly handles: NodeHandle[];
}

const BORDER = 1;
const TOP = 6;
const BOTTOM = 8;
const GAP = 3;
const SOCKETS = 20;
const FIELD = 22;
const TEXT = 67;
const FILE = 75;
const MORE = 17;
const ENTER = 19;
const NOTE_BODY = 58;
const DOT = 11;
const LETTER = 6.6;
const CAPITAL = 8;
const SQUARE = 12; // Chinese
const BADGE = 84;

/** React Flow reports a measured size only if it is another one: a half pixel is never measured. */
const NEVER = 0.5;

export function shapeOf({ node, def, isHost, marks }: NodeData): Shape {
  const isNote = node.type === NOTE || node.type === MARKDOWN;
  const badges = [def?.deprecated, def?.experimental].filter(Boolean).length * BADGE;
  const title = lengthOf(node.title ?? def?.title ?? node.type) + badges;
  if (node.flags.collapsed) return folded(node, Math.max(150, title + 80));
  const rows = rowsOf(node, def, marks, isHost ? "always" : false);
  const body = isNote ? NOTE_BODY : bodyHeight(rows, isHost);
  const [width, least] = node.size ?? [isNote ? 170 : bodyWidth(rows, title), 0];
  const height = Math.max(least + TITLE, 2 * BORDER + TITLE + TOP + body + BOTTOM);
  return { measured: { width, height: Math.round(height) + NEVER }, handles: handlesOf(rows, width) };
}

function bodyHeight(rows: Rows, isHost: boolean): number {
  const count = Math.max(rows.inputs.length, rows.outputs.length);
  const parts = [count * SOCKETS, ...rows.widgets.map(fieldHeight), rows.foldable && MORE, isHost ? ENTER : 0];
  const shown = parts.filter((part) => part > 0);
  return shown.reduce((sum, part) => sum + part, GAP * Math.max(0, shown.length - 1));
}

function fieldHeight({ input, role }: WidgetRow): number {
  if (role !== "value") return FIELD;
  return input.widget === "longtext" ? TEXT : input.upload ? FILE : FIELD;
}

function bodyWidth({ inputs, outputs, widgets }: Rows, title: number): number {
  const longest = (rows: readonly { label: string }[]) => Math.max(0, ...rows.map(({ label }) => lengthOf(label)));
  const width = Math.max(widgets.length ? 270 : 170, title + 70, longest(inputs) + longest(outputs) + 42);
  return Math.round(Math.min(480, width));
}

function lengthOf(text: string): number {
  const capitals = text.replace(/[^A-Z]/g, "").length;
  const square = text.replace(/[^\u2e80-\uffef]/g, "").length;
  return capitals * CAPITAL + square * SQUARE + (text.length - capitals - square) * LETTER;
}

function handlesOf({ inputs, outputs, widgets }: Rows, width: number): NodeHandle[] {
  const rowY = (i: number) => BORDER + TITLE + TOP + i * SOCKETS + SOCKETS / 2;
  const found = [
    ...inputs.map(({ slot }, i) => handle("target", slot, 0, rowY(i))),
    ...outputs.map(({ slot }, i) => handle("source", slot, width, rowY(i))),
  ];
  const count = Math.max(inputs.length, outputs.length);
  let y = BORDER + TITLE + TOP + (count ? count * SOCKETS + GAP : 0);
  for (const row of widgets) {
    if (row.socket) found.push(handle("target", row.socket.slot, 0, y + FIELD / 2));
    y += fieldHeight(row) + GAP;
  }
  return found;
}

/** All at the ends of the title. */
function folded({ inputs, outputs }: NodeData["node"], width: number): Shape {
  const y = BORDER + TITLE / 2;
  const handles = [
    ...inputs.map((_, slot) => handle("target", slot, 0, y)),
    ...outputs.map((_, slot) => handle("source", slot, width, y)),
  ];
  return { measured: { width, height: 2 * BORDER + TITLE + NEVER }, handles };
}

/** A dot whose middle is at the edge of the node; links begin and end at its outer edge. */
function handle(type: "source" | "target", slot: number, x: number, y: number): NodeHandle {
  const [id, position] = type === "source" ? [`out:${slot}`, Position.Right] : [`in:${slot}`, Position.Left];
  return { type, id, position, x: x - DOT / 2, y: y - DOT / 2, width: DOT, height: DOT };
}
