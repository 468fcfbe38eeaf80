/** Follows the pointer from a press to its release, wherever it goes; Escape ends it without effect. */

import type { Point } from "../model/types";

export interface Follower {
  /** Called from the first real movement on. */
  readonly move: (at: Point, event: PointerEvent) => void;
  /** dropped: the button was let go after a movement; else it was a click, or Escape, or the pointer was lost. */
  readonly end: (dropped: boolean, at: Point) => void;
}

/** So far the pointer may move and it is still a click. */
const STILL = 4;

export function follow(start: Point, { move, end }: Follower): void {
  let at = start;
  let moving = false;
  const moved = (event: PointerEvent) => {
    at = [event.clientX, event.clientY];
    moving ||= Math.hypot(at[0] - start[0], at[1] - start[1]) >= STILL;
    if (moving) move(at, event);
  };
  const finish = (dropped: boolean) => {
    for (const [type, listener] of listeners) window.removeEventListener(type, listener as EventListener, true);
    end(dropped && moving, at);
  };
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    finish(false);
  };
  const listeners = [
    ["pointermove", moved],
    ["pointerup", () => finish(true)],
    ["pointercancel", () => finish(false)],
    ["keydown", key],
  ] as const;
  for (const [type, listener] of listeners) window.addEventListener(type, listener as EventListener, true);
}
