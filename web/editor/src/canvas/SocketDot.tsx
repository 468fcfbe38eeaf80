/** The dot where links begin and end. React Flow measures it by its classes and `data-handle...`. */

import type { KeyboardEvent, PointerEvent } from "react";
import { t } from "../i18n";
import { socketColor, socketShape } from "../widgets/sockets";
import { beginDrag } from "./drag";
import { open, type Socket } from "./ui";

interface Props {
  readonly socket: Socket;
  readonly label: string;
  readonly linked: boolean;
  readonly optional?: boolean;
  /** Reached by Tab: only on selected nodes, else there would be thousands of stops. */
  readonly reachable: boolean;
  readonly problem?: string | undefined;
}

export function SocketDot({ socket, label, linked, optional, reachable, problem }: Props) {
  const isInput = socket.side === "input";
  const shape = socketShape(socket.type);
  const name = t(isInput ? "canvas.input" : "canvas.output", { name: label, type: socket.type });
  return (
    <div
      className={`socket nodrag nopan ${isInput ? "target" : "source"}`}
      data-handleid={`${isInput ? "in" : "out"}:${socket.slot}`}
      data-handlepos={isInput ? "left" : "right"}
      data-node={socket.node}
      data-slot={socket.slot}
      data-side={socket.side}
      data-type={socket.type}
      data-shape={shape}
      data-linked={linked || undefined}
      data-optional={optional || undefined}
      data-problem={problem === undefined ? undefined : ""}
      role="button"
      aria-label={problem === undefined ? name : `${name}. ${problem}`}
      title={problem ?? `${label} · ${socket.type}`}
      tabIndex={reachable ? 0 : -1}
      style={
        {
          "--socket": socketColor(socket.type),
          "--shape": shape === "circle" ? "none" : `var(--shape-${shape})`,
        } as object
      }
      onPointerDown={(event: PointerEvent) => beginDrag(event.nativeEvent, socket)}
      onKeyDown={(event) => listPartners(event, socket)}
    >
      <i />
    </div>
  );
}

function listPartners(event: KeyboardEvent, socket: Socket): void {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  event.stopPropagation();
  const box = event.currentTarget.getBoundingClientRect();
  open({ partners: { socket, screen: [box.right + 8, box.top - 8] } });
}
