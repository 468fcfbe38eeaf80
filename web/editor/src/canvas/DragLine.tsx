/** The links that are being drawn, and the cut that is being made. */

import { ViewportPortal } from "@xyflow/react";
import { useStore } from "../app/store";
import type { Point } from "../model/types";
import { socketColor } from "../widgets/sockets";
import { ui, type Socket } from "./ui";
import { container, toFlow } from "./viewport";
import { wirePath } from "./wires";

export function DragLine() {
  const drag = useStore(ui, (state) => state.drag);
  const cut = useStore(ui, (state) => state.cut);
  const lasso = useStore(ui, (state) => state.lasso);
  const palette = useStore(ui, (state) => state.palette);
  const waiting = palette?.ends ? { ends: palette.ends, pointer: palette.flow, target: undefined } : undefined;
  const drawn = drag ?? waiting;
  if (!drawn && !cut && !lasso) return null;
  const pointer = drawn?.target ? (middle(drawn.target) ?? drawn.pointer) : drawn?.pointer;
  return (
    <ViewportPortal>
      <svg className="drag-lines" aria-hidden="true">
        {pointer &&
          drawn?.ends.map((end) => (
            <path
              key={`${end.node}.${end.slot}`}
              className="wire-line"
              data-target={drawn.target ? "" : undefined}
              d={path(end, pointer)}
              style={{ "--socket": socketColor(end.type) } as object}
            />
          ))}
        {lasso && <path className="lasso" d={`M${lasso.map((point) => point.join(",")).join("L")}Z`} />}
        {cut && <path className="cut" d={`M${cut.map((point) => point.join(",")).join("L")}`} />}
      </svg>
    </ViewportPortal>
  );
}

function path(end: Socket, pointer: Point): string {
  const start = middle(end) ?? pointer;
  return end.side === "output" ? wirePath([start, pointer]) : wirePath([pointer, start]);
}

/** The middle of a socket's dot in the graph; undefined while it is not drawn. */
function middle(socket: Socket): Point | undefined {
  const name = `${socket.side === "input" ? "in" : "out"}:${socket.slot}`;
  const dot = container()?.querySelector(`[data-node="${CSS.escape(socket.node)}"][data-handleid="${name}"]`);
  const box = dot?.getBoundingClientRect();
  return box && toFlow([box.left + box.width / 2, box.top + box.height / 2]);
}
