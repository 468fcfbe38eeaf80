/** The corner by which a node or a group is made larger. */

import type { PointerEvent } from "react";
import { change } from "../app/editor";
import { resizeNode } from "../edit/nodes";
import { setGroup } from "../edit/groups";
import { t } from "../i18n";
import { GRID, TITLE } from "../model/geometry";
import type { Document, Size } from "../model/types";
import type { Place } from "../edit/place";
import { follow } from "./follow";
import { settings } from "./ui";
import { flowOf } from "./viewport";

const SMALLEST: Size = [120, 10];
let gestures = 0;

interface Props {
  readonly id: string;
}

export function ResizeCorner({ id }: Props) {
  return (
    <span
      className="resize nodrag nopan"
      title={t("canvas.resize")}
      onPointerDown={(event) => resize(event, id)}
      onDoubleClick={(event) => event.stopPropagation()}
    />
  );
}

function resize(event: PointerEvent, id: string): void {
  if (event.button !== 0) return;
  event.stopPropagation();
  const size = sizeNow(id);
  const zoom = flowOf()?.getZoom() ?? 1;
  const start = [event.clientX, event.clientY] as const;
  const gesture = `resize${++gestures}`;
  follow(start, {
    move([x, y]) {
      const by: Size = [(x - start[0]) / zoom, (y - start[1]) / zoom];
      const to: Size = [Math.max(SMALLEST[0], snap(size[0] + by[0])), Math.max(SMALLEST[1], snap(size[1] + by[1]))];
      change((at) => resized(at, id, to), gesture);
    },
    end: () => undefined,
  });
}

function sizeNow(id: string): Size {
  const { width = 200, height = 100 } = flowOf()?.getNode(id)?.measured ?? {};
  return id.startsWith("group:") ? [width, height] : [width, height - TITLE];
}

function snap(length: number): number {
  return settings.get().snap ? Math.round(length / GRID) * GRID : Math.round(length);
}

function resized(at: Place, id: string, size: Size): Document {
  if (!id.startsWith("group:")) return resizeNode(at, id, size);
  const group = at.doc && find(at, id.slice(6));
  return group ? setGroup(at, group.id, { bounds: [group.bounds[0], group.bounds[1], ...size] }) : at.doc;
}

function find(at: Place, id: string) {
  const graph = at.level === "" ? at.doc.root : at.doc.definitions.get(at.level);
  return graph?.groups.find((group) => group.id === id);
}
