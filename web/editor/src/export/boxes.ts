/** A graph as boxes and lines with texts in them: what `svg.ts` draws. */

import { rowsOf, type Rows } from "../canvas/rows";
import { slotMarks, type Marks } from "../canvas/marks";
import { bendsOf, linkType, wirePath } from "../canvas/wires";
import { estimate, TITLE, union, type Sizes } from "../model/geometry";
import { defOf, titleOf } from "../model/instances";
import { MARKDOWN, NOTE, REROUTE, type Defs } from "../model/nodes";
import { ACTIVE, INPUTS, level, OUTPUTS } from "../model/types";
import type { Definition, Document, Graph, LevelId, Node, NodeId, Point, Rect } from "../model/types";
import { textOf } from "../widgets/choices";
import { wrapped } from "./words";

export interface Line {
  readonly y: number;
  readonly left?: string;
  readonly right?: string;
  /** The value of a widget, in a field of its own. */
  readonly value?: string;
  /** The lines of a text. */
  readonly text?: readonly string[];
}

export interface Dot {
  readonly at: Point;
  readonly type: string;
  readonly linked: boolean;
}

export interface Box {
  readonly id: NodeId;
  readonly rect: Rect;
  readonly title: string;
  readonly lines: readonly Line[];
  readonly dots: readonly Dot[];
  readonly color?: string;
  readonly bgcolor?: string;
  readonly faded: boolean;
  readonly kind: "node" | "note" | "dot" | "folded";
  /** What it made, as a data URL, and where there is room for it. */
  readonly picture?: { readonly href: string; readonly rect: Rect };
}

export interface Wire {
  readonly path: string;
  readonly type: string;
}

export interface Drawing {
  readonly bounds: Rect;
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
  readonly groups: readonly { readonly rect: Rect; readonly title: string; readonly color?: string }[];
}

export interface Scene {
  readonly doc: Document;
  readonly at: LevelId;
  readonly defs: Defs;
  /** As measured on the screen, where they were. */
  readonly sizes: Sizes;
  /** What nodes made, as data URLs. */
  readonly pictures?: ReadonlyMap<NodeId, string>;
}

export const ROW = 24;
export const TEXT_ROW = 17;
const ROOM = 40;
const ALL_UNFOLDED = true;

export function draw(scene: Scene): Drawing {
  const graph = level(scene.doc, scene.at);
  const marks = slotMarks(graph);
  const boxes = [...graph.nodes.values()].map((node) => boxOf(scene, node, marks.get(node.id) ?? NONE));
  const border = borders(graph);
  const all = [...boxes, ...border];
  const groups = graph.groups.map(({ bounds, title, color }) => ({ rect: bounds, title, ...(color ? { color } : {}) }));
  const [x, y, width, height] = union([...all, ...groups].map(({ rect }) => rect)) ?? [0, 0, 400, 200];
  return {
    bounds: [x - ROOM, y - ROOM, width + 2 * ROOM, height + 2 * ROOM],
    boxes: all,
    wires: wires(graph, new Map(all.map((box) => [box.id, box]))),
    groups,
  };
}

const NONE: Marks = { inputs: "", outputs: "" };

function boxOf(scene: Scene, node: Node, marks: Marks): Box {
  const def = defOf(scene.doc, node, scene.defs);
  const [x, y] = node.pos;
  const [width, height] = scene.sizes.get(node.id) ?? estimate(node, def);
  const common = {
    id: node.id,
    title: node.title ?? titleOf(scene.doc, node, scene.defs),
    faded: node.mode !== ACTIVE,
    ...(node.color ? { color: node.color } : {}),
    ...(node.bgcolor ? { bgcolor: node.bgcolor } : {}),
  };
  if (node.type === REROUTE)
    return { ...common, kind: "dot", rect: [x, y, width, height], lines: [], dots: ends(node, [x, y, width, height]) };
  if (node.flags.collapsed) {
    const rect: Rect = [x, y - TITLE, Math.max(150, Math.min(width, 240)), TITLE];
    return { ...common, kind: "folded", rect, lines: [], dots: ends(node, rect) };
  }
  const isNote = node.type === NOTE || node.type === MARKDOWN;
  const rows = rowsOf(node, def, marks, ALL_UNFOLDED);
  const { lines, bottom } = isNote ? noteLines(node, width) : bodyLines(rows, width);
  const picture = pictureOf(scene.pictures?.get(node.id), [x, y + bottom, width, height - bottom]);
  const rect: Rect = [x, y - TITLE, width, Math.max(height, bottom + (picture.picture ? LEAST : 0)) + TITLE];
  const dots = isNote ? [] : dotsOf(node, rows, rect, marks);
  return { ...common, ...picture, kind: isNote ? "note" : "node", rect, lines, dots };
}

const LEAST = 160;

/** Under the rows, in what is left of the node. */
function pictureOf(href: string | undefined, [x, y, width, height]: Rect): Pick<Box, "picture"> {
  const rect: Rect = [x + 10, y, width - 20, Math.max(height, LEAST) - 10];
  return href === undefined ? {} : { picture: { href, rect } };
}

/** Sockets side by side, then the widgets; and where they end, below the title. */
function bodyLines(rows: Rows, width: number): { lines: Line[]; bottom: number } {
  const lines: Line[] = [];
  const count = Math.max(rows.inputs.length, rows.outputs.length);
  for (let i = 0; i < count; i++) {
    const [left, right] = [rows.inputs[i]?.label, rows.outputs[i]?.label];
    lines.push({ y: rowY(i), ...(left ? { left } : {}), ...(right ? { right } : {}) });
  }
  let y = rowY(count);
  for (const { label, value, input, socket } of rows.widgets) {
    if (input.widget === "longtext" && !socket?.linked) {
      const text = wrapped(textOf(value), width - 28);
      lines.push({ y, text });
      y += Math.max(3, text.length) * TEXT_ROW + 14;
    } else {
      lines.push({ y, left: label, ...(socket?.linked ? {} : { value: textOf(value) }) });
      y += ROW;
    }
  }
  return { lines, bottom: y - ROW / 2 + 8 - TITLE };
}

function noteLines(node: Node, width: number): { lines: Line[]; bottom: number } {
  const text = wrapped(textOf(node.values.text), width - 24);
  return { lines: [{ y: TITLE + 14, text }], bottom: text.length * TEXT_ROW + 24 };
}

/** The middle of a row, below the top of the box. */
function rowY(i: number): number {
  return TITLE + 8 + i * ROW + ROW / 2;
}

function dotsOf(node: Node, rows: Rows, [x, y, width]: Rect, marks: Marks): Dot[] {
  const dots: Dot[] = [];
  rows.inputs.forEach((row, i) => (dots[row.slot] = { at: [x, y + rowY(i)], type: row.type, linked: row.linked }));
  const count = Math.max(rows.inputs.length, rows.outputs.length);
  const { lines } = bodyLines(rows, width);
  rows.widgets.forEach(({ socket }, i) => {
    if (socket) dots[socket.slot] = { at: [x, y + lines[count + i]!.y], type: socket.type, linked: socket.linked };
  });
  const outputs = node.outputs.map((slot, i) => ({
    at: [x + width, y + rowY(i)] as Point,
    type: slot.type,
    linked: marks.outputs.includes(`,${i},`),
  }));
  return [
    ...node.inputs.map((slot, i) => dots[i] ?? { at: [x, y + rowY(0)] as Point, type: slot.type, linked: false }),
    ...outputs,
  ];
}

/** All inputs at the left end, all outputs at the right. */
function ends(node: Node, [x, y, width, height]: Rect): Dot[] {
  const middle = y + height / 2;
  return [
    ...node.inputs.map(({ type }) => ({ at: [x, middle] as Point, type, linked: true })),
    ...node.outputs.map(({ type }) => ({ at: [x + width, middle] as Point, type, linked: true })),
  ];
}

function borders(graph: Graph): Box[] {
  const definition = graph as Partial<Definition>;
  if (!definition.inputsAt || !definition.outputsAt) return [];
  const box = (
    id: NodeId,
    [x, y, width]: Rect,
    slots: readonly { name: string; type: string }[],
    right: boolean,
  ): Box => ({
    id,
    rect: [x, y, width, slots.length * ROW + 16],
    title: "",
    kind: "node",
    faded: false,
    lines: slots.map(({ name }, i) => ({ y: 8 + i * ROW + ROW / 2, [right ? "right" : "left"]: name })),
    dots: slots.map(({ type }, i) => ({ at: [right ? x + width : x, y + 8 + i * ROW + ROW / 2], type, linked: true })),
  });
  return [
    box(INPUTS, definition.inputsAt, definition.inputs ?? [], true),
    box(OUTPUTS, definition.outputsAt, definition.outputs ?? [], false),
  ];
}

function wires(graph: Graph, boxes: ReadonlyMap<NodeId, Box>): Wire[] {
  return [...graph.links.values()].flatMap((link) => {
    const inputs = graph.nodes.get(link.from)?.inputs.length ?? 0;
    const from = boxes.get(link.from)?.dots[inputs + link.fromSlot];
    const to = boxes.get(link.to)?.dots[link.toSlot];
    if (!from || !to) return [];
    return [{ path: wirePath([from.at, ...bendsOf(graph, link), to.at]), type: linkType(graph, link) }];
  });
}
