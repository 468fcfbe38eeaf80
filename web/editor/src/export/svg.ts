/** A drawing as an SVG file that needs nothing else: no fonts, no style sheet, no foreign elements. */

import { TITLE } from "../model/geometry";
import type { Rect } from "../model/types";
import { socketShape, type SocketShape } from "../widgets/sockets";
import { ROW, TEXT_ROW, type Box, type Dot, type Drawing, type Line } from "./boxes";
import { cut } from "./words";

/** A token of the theme, such as `bg-raised` or `socket-MODEL`, as a colour. */
export type Colors = (token: string) => string;

export function svgOf(drawing: Drawing, colors: Colors): string {
  const [x, y, width, height] = drawing.bounds.map(Math.round) as unknown as Rect;
  const parts = [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${colors("bg")}"/>`,
    ...drawing.groups.map((group) => drawGroup(group, colors)),
    ...drawing.wires.map((wire) => drawWire(wire.path, wire.type, colors)),
    ...drawing.boxes.map((box) => drawBox(box, colors)),
  ];
  const font = "font-family=\"Inter,'Segoe UI','Noto Sans','Noto Sans CJK SC',sans-serif\" font-size=\"12\"";
  const head = `xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${x} ${y} ${width} ${height}"`;
  return `<svg ${head} ${font}>\n${parts.join("\n")}\n</svg>\n`;
}

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** XML has no place for most control characters. */
export function escaped(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/g, "").replace(/[&<>"]/g, (sign) => ESCAPES[sign]!);
}

/** A colour of a file: only what is one gets into the drawing. */
function safe(color: string | undefined, otherwise: string): string {
  return color && /^(#[0-9a-f]{3,8}|[a-z]{3,20}|(rgb|hsl)a?\([\d\s.,%/]+\))$/i.test(color) ? color : otherwise;
}

function text(x: number, y: number, words: string, fill: string, more = ""): string {
  if (!words) return "";
  return `<text x="${num(x)}" y="${num(y)}" dominant-baseline="central" fill="${fill}"${more}>${escaped(words)}</text>`;
}

function rect([x, y, width, height]: Rect, fill: string, more = ""): string {
  return `<rect x="${num(x)}" y="${num(y)}" width="${num(width)}" height="${num(height)}" fill="${fill}"${more}/>`;
}

function num(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function drawGroup({ rect: bounds, title, color }: Drawing["groups"][number], colors: Colors): string {
  const [x, y] = bounds;
  const paint = safe(color, colors("line-strong"));
  const more = ` fill-opacity="0.14" stroke="${paint}" stroke-opacity="0.7" rx="7"`;
  return rect(bounds, paint, more) + text(x + 12, y + 18, title, colors("text"), ' font-size="18" font-weight="600"');
}

function drawWire(path: string, type: string, colors: Colors): string {
  return `<path d="${path}" fill="none" stroke="${socket(type, colors)}" stroke-width="2.2"/>`;
}

function socket(type: string, colors: Colors): string {
  const name = type.split(",", 1)[0]!.trim();
  return (/^\w+$/.test(name) && colors(`socket-${name}`)) || colors("socket-default");
}

function drawBox(box: Box, colors: Colors): string {
  const parts = box.kind === "dot" ? [] : [frame(box, colors), ...box.lines.map((line) => drawLine(box, line, colors))];
  const dots = box.dots.map((dot) => drawDot(dot, colors));
  return `<g${box.faded ? ' opacity="0.5"' : ""}>${[...parts, drawPicture(box), ...dots].join("")}</g>`;
}

function drawPicture({ picture }: Box): string {
  if (!picture) return "";
  const [x, y, width, height] = picture.rect.map(num);
  return `<image x="${x}" y="${y}" width="${width}" height="${height}" href="${escaped(picture.href)}"/>`;
}

function frame({ rect: bounds, title, color, bgcolor, kind }: Box, colors: Colors): string {
  const [x, y, width] = bounds;
  const border = ` rx="7" stroke="${colors("line")}"`;
  const body = rect(bounds, safe(bgcolor, colors("bg-raised")), border);
  if (!title) return body;
  const bar = rect([x + 0.5, y + 0.5, width - 1, TITLE - 1], safe(color, colors("bg-hover")), ' rx="6.5"');
  const said = kind === "folded" ? cut(title, width - 40) : cut(title, width - 24);
  return body + bar + text(x + 12, y + TITLE / 2, said, colors("text"), ' font-weight="600"');
}

/** Where the fields begin, of the width of a node. */
const FIELD = 0.42;

function drawLine({ rect: [x, top, width], kind }: Box, line: Line, colors: Colors): string {
  const y = top + line.y;
  if (line.text) return drawText([x, y, width], line.text, kind === "note", colors);
  const room = line.value !== undefined ? width * FIELD - 20 : line.right !== undefined ? width / 2 - 18 : width - 28;
  const left = text(x + 14, y, cut(line.left ?? "", room), colors("text-dim"));
  const right = text(x + width - 14, y, cut(line.right ?? "", width / 2), colors("text-dim"), ' text-anchor="end"');
  if (line.value === undefined) return left + right;
  const start = x + width * FIELD;
  const wide = width * (1 - FIELD) - 12;
  const field = rect(
    [start, y - ROW / 2 + 2, wide, ROW - 4],
    colors("bg-sunken"),
    ` rx="4" stroke="${colors("line")}"`,
  );
  return left + field + text(start + 8, y, cut(line.value, wide - 16), colors("text"));
}

function drawText(
  [x, y, width]: readonly [number, number, number],
  lines: readonly string[],
  bare: boolean,
  colors: Colors,
): string {
  const height = Math.max(bare ? 1 : 3, lines.length) * TEXT_ROW + 8;
  const field = rect([x + 10, y - 10, width - 20, height], colors("bg-sunken"), ` rx="4" stroke="${colors("line")}"`);
  const words = lines.map((line, i) => text(x + (bare ? 12 : 18), y + 3 + i * TEXT_ROW, line, colors("text")));
  return (bare ? "" : field) + words.join("");
}

const SHAPES: Readonly<Record<Exclude<SocketShape, "circle">, readonly (readonly [number, number])[]>> = {
  hexagon: [
    [-3, -5],
    [3, -5],
    [6, 0],
    [3, 5],
    [-3, 5],
    [-6, 0],
  ],
  square: [
    [-5, -5],
    [5, -5],
    [5, 5],
    [-5, 5],
  ],
  diamond: [
    [0, -6],
    [6, 0],
    [0, 6],
    [-6, 0],
  ],
  triangle: [
    [-5, -6],
    [6, 0],
    [-5, 6],
  ],
  pentagon: [
    [0, -6],
    [6, -1],
    [4, 6],
    [-4, 6],
    [-6, -1],
  ],
  bar: [
    [-3, -6],
    [3, -6],
    [3, 6],
    [-3, 6],
  ],
  cross: [
    [-2, -6],
    [2, -6],
    [2, -2],
    [6, -2],
    [6, 2],
    [2, 2],
    [2, 6],
    [-2, 6],
    [-2, 2],
    [-6, 2],
    [-6, -2],
    [-2, -2],
  ],
};

function drawDot({ at: [x, y], type, linked }: Dot, colors: Colors): string {
  const shape = socketShape(type);
  const color = socket(type, colors);
  const look = linked ? `fill="${color}"` : `fill="${colors("bg-raised")}" stroke="${color}" stroke-width="1.6"`;
  if (shape === "circle") return `<circle cx="${num(x)}" cy="${num(y)}" r="5" ${look}/>`;
  return `<polygon points="${SHAPES[shape].map(([dx, dy]) => `${num(x + dx)},${num(y + dy)}`).join(" ")}" ${look}/>`;
}
