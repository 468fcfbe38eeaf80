/** The shown canvas, for what is not a component: where things are on the screen, and moving the view. */

import { getViewportForBounds, type ReactFlowInstance, type Viewport } from "@xyflow/react";
import type { Sizes } from "../model/geometry";
import { TITLE, union } from "../model/geometry";
import type { Point, Rect, Size } from "../model/types";
import type { AnyEdge, AnyNode } from "./derive";

type Flow = ReactFlowInstance<AnyNode, AnyEdge>;

let flow: Flow | undefined;
let element: HTMLElement | undefined;
/** Where the pointer was last, on the screen: there things are pasted and searched. */
let pointer: Point | undefined;

/** The least and the greatest zoom. */
export const CLOSENESS = [0.05, 4] as const;
const PADDING = 0.12;

/** Where each canvas was looked at last. */
const views = new Map<string, Viewport>();

export function keepView(canvas: string, view: Viewport): void {
  views.set(canvas, view);
}

/** Where a canvas was looked at last, else all of it; known before anything is drawn. */
export function firstView(canvas: string, nodes: readonly AnyNode[]): Viewport {
  const kept = views.get(canvas);
  const all = union(nodes.map(rectOf));
  if (kept || !all) return kept ?? { x: 0, y: 0, zoom: 1 };
  const [x, y, width, height] = all;
  const room = document.getElementById("canvas")?.getBoundingClientRect();
  const [across, down] = [room?.width || window.innerWidth, room?.height || window.innerHeight];
  return getViewportForBounds({ x, y, width, height }, across, down, CLOSENESS[0], 1, PADDING);
}

/** As drawn, or as likely to be. */
export function rectOf({ position: { x, y }, measured, style }: AnyNode): Rect {
  return [x, y, Number(measured?.width ?? style?.width ?? 0), Number(measured?.height ?? style?.height ?? 0)];
}

export function attach(instance: Flow | undefined, container: HTMLElement | undefined): void {
  [flow, element] = [instance, container];
}

export function container(): HTMLElement | undefined {
  return element;
}

export function flowOf(): Flow | undefined {
  return flow;
}

export function pointAt(at: Point | undefined): void {
  pointer = at;
}

export function toFlow([x, y]: Point): Point {
  const point = flow?.screenToFlowPosition({ x, y }) ?? { x, y };
  return [point.x, point.y];
}

/** The pointer if it is over the canvas, else its middle. */
export function pointerOrMiddle(): Point {
  const box = element?.getBoundingClientRect();
  if (!box) return [0, 0];
  const inside =
    pointer && pointer[0] >= box.left && pointer[0] <= box.right && pointer[1] >= box.top && pointer[1] <= box.bottom;
  return inside ? pointer! : [box.left + box.width / 2, box.top + box.height / 2];
}

/** How large the nodes are drawn, without their titles, as the model counts. */
export function sizes(): Sizes {
  const found = new Map<string, Size>();
  for (const node of flow?.getNodes() ?? []) {
    const { width, height } = node.measured ?? {};
    if (width && height && node.type === "node") found.set(node.id, [width, Math.max(0, height - TITLE)]);
    if (width && height && node.type === "reroute") found.set(node.id, [width, height]);
  }
  return found;
}

/** Who asks the system for less movement is there at once. */
function moving(milliseconds: number): number {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : milliseconds;
}

export function fitView(ids?: readonly string[]): void {
  const nodes = ids?.length ? { nodes: ids.map((id) => ({ id })) } : {};
  void flow?.fitView({ ...nodes, padding: PADDING, duration: moving(200), maxZoom: 1.2, minZoom: CLOSENESS[0] });
}

export function zoomBy(factor: number): void {
  if (flow) void flow.zoomTo(flow.getZoom() * factor, { duration: moving(120) });
}

/** Back to the canvas after something that floated over it: keys reach it again. */
export function refocus(): void {
  element?.querySelector<HTMLElement>(".react-flow")?.focus({ preventScroll: true });
}

/** The dots of a node, its outputs first: from there one connects by keyboard. */
export function socketsOf(node: string): HTMLElement[] {
  const dots = [...(element?.querySelectorAll<HTMLElement>(`.socket[data-node="${CSS.escape(node)}"]`) ?? [])];
  return dots.sort((a, b) => Number(b.dataset.side === "output") - Number(a.dataset.side === "output"));
}
