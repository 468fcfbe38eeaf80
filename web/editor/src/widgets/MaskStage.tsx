/** The picture with the mask over it, painted on with mouse, finger or pen; the wheel zooms. */

import { useEffect, useLayoutEffect, useRef, useState, type PointerEvent } from "react";
import { t } from "../i18n";
import type { Brush } from "./MaskPainter";
import { continued, paintStroke, type MaskStep, type Spot, type Stroke } from "./mask";
import { replay, type Picture } from "./maskfile";

interface Props {
  readonly picture: Picture;
  readonly steps: readonly MaskStep[];
  readonly onSteps: (change: (steps: readonly MaskStep[]) => readonly MaskStep[]) => void;
  readonly brush: Brush;
  readonly zoom: number | undefined;
  readonly onZoom: (zoom: number) => void;
}

/** That of mask sockets. */
const COLOR = "#84c98c";
const MARGIN = 24;

export function MaskStage({ picture, steps, onSteps, brush, zoom, onZoom }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const stroke = useRef<Stroke | undefined>(undefined);
  const [cursor, setCursor] = useState<readonly [number, number]>();
  const fitting = useFit(scroller, picture);
  const scale = zoom === undefined ? fitting : zoom * fitting;
  useWheelZoom(scroller, zoom ?? 1, onZoom);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context) replay(context, picture, steps, COLOR);
  }, [picture, steps]);

  const spot = (event: PointerEvent): Spot => {
    const box = canvas.current!.getBoundingClientRect();
    const pressed = event.pointerType === "pen" && event.pressure ? 0.3 + 0.7 * event.pressure : 1;
    return [(event.clientX - box.left) / scale, (event.clientY - box.top) / scale, brush.size * pressed];
  };
  const draw = (next: Stroke) => {
    stroke.current = next;
    const context = canvas.current?.getContext("2d");
    if (context) paintStroke(context, next, COLOR, next.spots.length - 1);
  };
  const end = () => {
    const done = stroke.current;
    stroke.current = undefined;
    if (done) onSteps((now) => [...now, done]);
  };
  const pointer = {
    onPointerDown(event: PointerEvent<HTMLElement>) {
      if (event.button !== 0 && event.button !== 2) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      draw({ kind: "stroke", erase: brush.erase || event.button === 2, spots: [spot(event)] });
    },
    onPointerMove(event: PointerEvent<HTMLElement>) {
      const [x, y] = spot(event);
      setCursor([x * scale, y * scale]);
      if (stroke.current) draw(continued(stroke.current, spot(event)));
    },
    onPointerUp: end,
    onPointerCancel: end,
    onPointerLeave: () => setCursor(undefined),
  };
  const [width, height] = [picture.width * scale, picture.height * scale];
  return (
    <div ref={scroller} className="w-stage">
      <div className="w-sheet" style={{ width, height }} {...pointer} onContextMenu={(event) => event.preventDefault()}>
        <img src={picture.url} alt="" width={width} height={height} draggable={false} />
        <canvas
          ref={canvas}
          width={picture.width}
          height={picture.height}
          role="img"
          aria-label={t("widgets.mask.canvas")}
        />
        {cursor && <Ring at={cursor} size={brush.size * scale} />}
      </div>
    </div>
  );
}

function Ring({ at, size }: { readonly at: readonly [number, number]; readonly size: number }) {
  return (
    <span className="w-ring" style={{ left: at[0] - size / 2, top: at[1] - size / 2, width: size, height: size }} />
  );
}

/** The scale at which the whole picture is seen. */
function useFit(scroller: React.RefObject<HTMLDivElement | null>, { width, height }: Picture): number {
  const [room, setRoom] = useState({ width: 800, height: 600 });
  useLayoutEffect(() => {
    const field = scroller.current;
    if (!field) return;
    const measure = () => setRoom({ width: field.clientWidth, height: field.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(field);
    return () => observer.disconnect();
  }, [scroller]);
  return Math.min((room.width - 2 * MARGIN) / width, (room.height - 2 * MARGIN) / height, 8);
}

/**
 * What is under the pointer stays there: once the sheet has its new size, it is scrolled by as much. (React listens
 * to the wheel passively; this one has to keep the dialog from scrolling.)
 */
function useWheelZoom(scroller: React.RefObject<HTMLDivElement | null>, zoom: number, onZoom: (zoom: number) => void) {
  const held = useRef<{ x: number; y: number; part: readonly [number, number] } | undefined>(undefined);
  useLayoutEffect(() => {
    const field = scroller.current;
    const sheet = field?.firstElementChild?.getBoundingClientRect();
    if (!field || !sheet || !held.current) return;
    const { x, y, part } = held.current;
    field.scrollLeft += sheet.left + part[0] * sheet.width - x;
    field.scrollTop += sheet.top + part[1] * sheet.height - y;
    held.current = undefined;
  }, [scroller, zoom]);
  useEffect(() => {
    const field = scroller.current;
    if (!field) return;
    const turn = (event: WheelEvent) => {
      event.preventDefault();
      const sheet = field.firstElementChild!.getBoundingClientRect();
      const { clientX: x, clientY: y } = event;
      held.current = { x, y, part: [(x - sheet.left) / sheet.width, (y - sheet.top) / sheet.height] };
      onZoom(Math.min(32, Math.max(0.2, zoom * 1.0015 ** -event.deltaY)));
    };
    field.addEventListener("wheel", turn, { passive: false });
    return () => field.removeEventListener("wheel", turn);
  }, [scroller, zoom, onZoom]);
}
