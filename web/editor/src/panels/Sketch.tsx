/** A graph drawn small: boxes where its nodes are and lines where its links are. */

import { nodeName } from "./missing";
import type { Document, Node, NodeId } from "../model/types";

interface Props {
  readonly doc: Document;
  /** Nodes that stand out. */
  readonly marked?: ReadonlySet<NodeId>;
}

const WIDTH = 210;
const HEIGHT = 110;
const ROOM = 20;

export function Sketch({ doc, marked }: Props) {
  const { nodes, links } = doc.root;
  if (!nodes.size) return null;
  const boxes = new Map([...nodes].map(([id, node]) => [id, box(node)]));
  const all = [...boxes.values()];
  const [left, top] = [Math.min(...all.map((b) => b.x)) - ROOM, Math.min(...all.map((b) => b.y)) - ROOM];
  const width = Math.max(...all.map((b) => b.x + b.w)) - left + ROOM;
  const height = Math.max(...all.map((b) => b.y + b.h)) - top + ROOM;
  return (
    <svg className="sketch" viewBox={`${left} ${top} ${width} ${height}`} aria-hidden="true">
      {[...links.values()].map((link) => (
        <path key={link.id} d={line(boxes.get(link.from), boxes.get(link.to))} style={{ stroke: colour(link.type) }} />
      ))}
      {[...boxes].map(([id, { x, y, w, h }]) => (
        <rect key={id} x={x} y={y} width={w} height={h} rx={10} className={marked?.has(id) ? "marked" : ""}>
          <title>{nodeName(doc, id)}</title>
        </rect>
      ))}
    </svg>
  );
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

function box(node: Node): Box {
  const [w, h] = node.size ?? [WIDTH, HEIGHT];
  return { x: node.pos[0], y: node.pos[1], w, h: node.flags.collapsed ? 30 : h };
}

function line(from: Box | undefined, to: Box | undefined): string {
  if (!from || !to) return "";
  const [x1, y1, x2, y2] = [from.x + from.w, from.y + from.h / 2, to.x, to.y + to.h / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function colour(type: string): string {
  return /^[A-Z_]+$/.test(type) ? `var(--socket-${type}, var(--socket-default))` : "var(--socket-default)";
}
