/** Alt and the left button on the canvas: a line is drawn around nodes, and those inside are selected. */

import type { PointerEvent } from "react";
import { activeTab, select } from "../app/editor";
import type { Point } from "../model/types";
import { follow } from "./follow";
import { close, open, ui } from "./ui";
import { flowOf, toFlow } from "./viewport";

export function beginLasso(event: PointerEvent): void {
  if (event.button !== 0 || !event.altKey) return;
  if (!(event.target as Element).classList.contains("react-flow__pane")) return;
  event.stopPropagation();
  event.preventDefault(); // else the canvas is dragged along
  const before = event.shiftKey ? activeTab().selection : [];
  const start: Point = [event.clientX, event.clientY];
  follow(start, {
    move: (at) => open({ lasso: [...(ui.get().lasso ?? [toFlow(start)]), toFlow(at)] }),
    end(dropped) {
      const line = ui.get().lasso ?? [];
      close("lasso");
      if (dropped) skipClick();
      if (dropped) select([...before, ...caught(line)]);
    },
  });
}

/** The click that ends the drag would select nothing. */
function skipClick(): void {
  const stop = (event: Event) => event.stopPropagation();
  window.addEventListener("click", stop, { capture: true, once: true });
  window.setTimeout(() => window.removeEventListener("click", stop, true));
}

function caught(line: readonly Point[]): string[] {
  const nodes = flowOf()?.getNodes() ?? [];
  return nodes
    .filter(({ position: { x, y }, measured: { width = 0, height = 0 } = {}, type }) => {
      const middle: Point = [x + width / 2, y + height / 2];
      return type !== "group" && encloses(line, middle);
    })
    .map((node) => node.id);
}

/** Whether a point is inside of a closed line: a ray from it crosses the line an odd number of times. */
export function encloses(line: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  for (const [i, [ax, ay]] of line.entries()) {
    const [bx, by] = line.at(i - 1)!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}
