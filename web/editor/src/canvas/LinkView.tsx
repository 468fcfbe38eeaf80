/** A link: a curve in the colour of its type, through its bends. */

import type { EdgeProps } from "@xyflow/react";
import { memo, useCallback } from "react";
import { useStore } from "../app/store";
import type { Point } from "../model/types";
import { socketColor } from "../widgets/sockets";
import type { AnyEdge } from "./derive";
import { settings, ui } from "./ui";
import { wirePath } from "./wires";

/** React Flow gives the outer edge of a dot; the line begins at its middle. */
const HALF_DOT = 5;

export const LinkView = memo(function LinkView({ id, data, selected, ...ends }: EdgeProps<AnyEdge>) {
  const linkId = id.slice("link:".length);
  const taken = useStore(
    ui,
    useCallback((state) => state.drag?.taken.includes(linkId) ?? false, [linkId]),
  );
  const visible = useStore(settings, (state) => state.links);
  if (!data || taken) return null;
  const start: Point = [ends.sourceX - HALF_DOT, ends.sourceY];
  const end: Point = [ends.targetX + HALF_DOT, ends.targetY];
  const path = wirePath([start, ...data.bends, end]);
  const look = { "--socket": socketColor(data.type) } as object;
  return (
    <g className="wire" data-selected={selected || undefined} data-off={data.off || undefined} style={look}>
      <path className="wire-reach" d={path} data-link={linkId} />
      {visible && <path className="wire-back" d={path} />}
      {visible && <path className="wire-line" d={path} />}
    </g>
  );
});
