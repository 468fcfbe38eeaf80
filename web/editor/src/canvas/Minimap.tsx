/** The map: all nodes on one small picture, and over it what is in view. A press or a drag on it goes there. */

import { Panel, useStore as useFlow, useStoreApi } from "@xyflow/react";
import { useEffect, useMemo, useRef, type PointerEvent } from "react";
import { settings } from "../app/settings";
import { useStore } from "../app/store";
import { t } from "../i18n";
import { grown, union } from "../model/geometry";
import type { Point, Rect } from "../model/types";
import type { AnyNode } from "./derive";
import { useMapShown } from "./useMapShown";
import { flowOf, rectOf, zoomBy } from "./viewport";

const [WIDTH, HEIGHT] = [200, 150];
const MARGIN = 40;
/** On a screen of fine pixels too. */
const SHARP = 2;

export function Minimap() {
  return useMapShown() ? <Plan /> : null;
}

/** What the map shows: all of the graph, in its middle. */
interface Frame {
  readonly corner: Point;
  readonly scale: number;
}

function frameOf(nodes: readonly AnyNode[]): Frame {
  const [x, y, width, height] = grown(union(nodes.map(rectOf)) ?? [0, 0, 1, 1], MARGIN);
  const scale = Math.min(WIDTH / width, HEIGHT / height);
  return { corner: [x - (WIDTH / scale - width) / 2, y - (HEIGHT / scale - height) / 2], scale };
}

function Plan() {
  const nodes = useFlow((state) => state.nodes) as AnyNode[];
  const theme = useStore(settings, (state) => state.theme);
  const frame = useMemo(() => frameOf(nodes), [nodes]);
  const picture = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    // once for all that changes before the next picture of the screen
    const waiting = requestAnimationFrame(() => picture.current && paint(picture.current, nodes, frame));
    return () => cancelAnimationFrame(waiting);
  }, [nodes, frame, theme]);
  const go = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = (place: number, start: number, axis: 0 | 1) => frame.corner[axis] + (place - start) / frame.scale;
    const flow = flowOf();
    void flow?.setCenter(at(event.clientX, box.left, 0), at(event.clientY, box.top, 1), { zoom: flow.getZoom() });
  };
  return (
    <Panel position="bottom-right" className="minimap">
      <div
        role="img"
        aria-label={t("canvas.minimap")}
        onPointerDown={(event) => (event.currentTarget.setPointerCapture(event.pointerId), go(event))}
        onPointerMove={(event) => event.buttons && go(event)}
        onWheel={(event) => zoomBy(event.deltaY < 0 ? 1.25 : 0.8)}
      >
        <canvas ref={picture} width={WIDTH * SHARP} height={HEIGHT * SHARP} style={{ width: WIDTH, height: HEIGHT }} />
        <InView frame={frame} />
      </div>
    </Panel>
  );
}

/** Moved without React, as often as the view is: nothing else of the map changes with it. */
function InView({ frame }: { readonly frame: Frame }) {
  const flow = useStoreApi();
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const place = () => {
      const { transform, width, height } = flow.getState();
      const [left, top, zoom] = transform;
      const { corner, scale } = frame;
      const at: Point = [(-left / zoom - corner[0]) * scale, (-top / zoom - corner[1]) * scale];
      if (!box.current) return;
      box.current.style.transform = `translate(${at[0]}px, ${at[1]}px)`;
      box.current.style.width = `${(width / zoom) * scale}px`;
      box.current.style.height = `${(height / zoom) * scale}px`;
    };
    place();
    return flow.subscribe(place);
  }, [flow, frame]);
  return <i ref={box} />;
}

function paint(picture: HTMLCanvasElement, nodes: readonly AnyNode[], { corner, scale }: Frame): void {
  const pen = picture.getContext("2d");
  if (!pen) return;
  const look = getComputedStyle(picture);
  const color = (name: string) => look.getPropertyValue(name).trim();
  const [line, strong, danger] = [color("--line"), color("--line-strong"), color("--danger")];
  const place = ([x, y, width, height]: Rect): Rect => {
    const [left, top] = [(x - corner[0]) * scale, (y - corner[1]) * scale];
    return [left, top, Math.max(1, width * scale), Math.max(1, height * scale)];
  };
  pen.setTransform(SHARP, 0, 0, SHARP, 0, 0);
  pen.clearRect(0, 0, WIDTH, HEIGHT);
  for (const node of nodes) {
    const rect = place(rectOf(node));
    pen.strokeStyle = strong;
    pen.fillStyle = node.type !== "node" ? line : node.data.def ? (node.data.node.color ?? strong) : danger;
    if (node.type === "group") pen.strokeRect(...rect);
    else pen.fillRect(...rect);
  }
}
