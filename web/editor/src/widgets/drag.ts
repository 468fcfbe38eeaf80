/** Changing a number by dragging it sideways: one gesture, one undo entry; a press without a move is a click. */

import { useRef, type MouseEvent, type PointerEvent } from "react";
import type { Amount } from "./arithmetic";
import { newGesture } from "./keys";
import { dragSteps, stepped, type Rules } from "./number";

interface Drag {
  readonly pointer: number;
  readonly x: number;
  readonly start: Amount;
  readonly gesture: string;
  moved: boolean;
}

export interface DragOptions {
  readonly rules: Rules;
  readonly value: Amount;
  readonly key: readonly [nodeId: string, name: string];
  readonly onChange: (value: Amount, gesture: string) => void;
  readonly onClick: () => void;
}

const SLACK = 3;

export function useNumberDrag({ rules, value, key, onChange, onClick }: DragOptions) {
  const drag = useRef<Drag | undefined>(undefined);
  const steps = (event: PointerEvent, from: Drag) =>
    dragSteps(event.clientX - from.x, rules, event.ctrlKey || event.altKey, event.shiftKey);
  return {
    /** A drag selects no text; what was typed elsewhere counts from now on. */
    onMouseDown(event: MouseEvent<HTMLElement>) {
      event.preventDefault();
      (document.activeElement as HTMLElement | null)?.blur();
    },
    onPointerDown(event: PointerEvent<HTMLElement>) {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      const gesture = newGesture(...key);
      drag.current = { pointer: event.pointerId, x: event.clientX, start: value, gesture, moved: false };
    },
    onPointerMove(event: PointerEvent<HTMLElement>) {
      const from = drag.current;
      if (from?.pointer !== event.pointerId) return;
      from.moved ||= Math.abs(event.clientX - from.x) > SLACK;
      if (!from.moved) return;
      const next = stepped(from.start, steps(event, from), rules);
      if (next !== value) onChange(next, from.gesture);
    },
    onPointerUp(event: PointerEvent<HTMLElement>) {
      const from = drag.current;
      drag.current = undefined;
      if (from?.pointer === event.pointerId && !from.moved) onClick();
    },
    onPointerCancel() {
      const from = drag.current;
      drag.current = undefined;
      if (from?.moved) onChange(from.start, from.gesture);
    },
  };
}
