/** Ctrl and the right button: a line is drawn, and every link that it crosses is taken off. */

import type { PointerEvent } from "react";
import { change } from "../app/editor";
import { disconnect } from "../edit/links";
import type { Point } from "../model/types";
import { follow } from "./follow";
import { close, open, ui } from "./ui";
import { container, toFlow } from "./viewport";

const STEP = 8;

export function beginCut(event: PointerEvent): void {
  if (event.button !== 2 || !(event.ctrlKey || event.metaKey)) return;
  event.stopPropagation();
  const noMenu = (menu: Event) => {
    menu.preventDefault();
    menu.stopPropagation();
  };
  window.addEventListener("contextmenu", noMenu, true);
  follow([event.clientX, event.clientY], {
    move: (at) => open({ cut: [...(ui.get().cut ?? []), toFlow(at)] }),
    end(dropped) {
      const line = ui.get().cut ?? [];
      close("cut");
      window.setTimeout(() => window.removeEventListener("contextmenu", noMenu, true), 50);
      const ids = dropped ? crossedBy(line) : [];
      if (ids.length) change((at) => disconnect(at, ids));
    },
  });
}

function crossedBy(line: readonly Point[]): string[] {
  const paths = [...(container()?.querySelectorAll<SVGPathElement>(".wire-reach") ?? [])];
  return paths.filter((path) => crosses(pointsOf(path), line)).flatMap((path) => path.dataset.link ?? []);
}

function pointsOf(path: SVGPathElement): Point[] {
  const length = path.getTotalLength();
  const count = Math.min(200, Math.ceil(length / STEP));
  return Array.from({ length: count + 1 }, (_, i) => {
    const { x, y } = path.getPointAtLength((i / count) * length);
    return [x, y];
  });
}

/** Whether two broken lines meet anywhere. */
export function crosses(one: readonly Point[], other: readonly Point[]): boolean {
  return pairs(one).some(([a, b]) => pairs(other).some(([c, d]) => meet(a, b, c, d)));
}

function pairs(line: readonly Point[]): [Point, Point][] {
  return line.slice(1).map((point, i) => [line[i]!, point]);
}

function meet(a: Point, b: Point, c: Point, d: Point): boolean {
  return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0;
}

function side(a: Point, b: Point, p: Point): number {
  return Math.sign((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]));
}
