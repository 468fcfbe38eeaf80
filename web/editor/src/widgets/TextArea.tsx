/** Text of many lines, which grows with what is in it. */

import { useLayoutEffect, useRef, type KeyboardEvent } from "react";
import { text } from "../model/json";
import { keepKeys } from "./keys";
import { useFocusGesture } from "./SmallFields";
import type { ControlProps } from "./types";
import { weigh } from "./weights";

const GROWS_ITSELF = typeof CSS !== "undefined" && CSS.supports("field-sizing", "content");
const MOST = 480;

export function TextArea(props: ControlProps) {
  const { def, id, name, value, onChange, nodeId, disabled, describedBy, label } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const gesture = useFocusGesture(nodeId, name);
  const shown = typeof value === "string" ? value : String(value ?? "");
  useGrowth(area, shown);

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    keepKeys(event);
    if (event.key === "Escape") event.currentTarget.blur();
    const steps = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!steps || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const field = event.currentTarget;
    const now = weigh({ text: field.value, start: field.selectionStart, end: field.selectionEnd }, steps);
    onChange(now.text, gesture.current());
    requestAnimationFrame(() => field.setSelectionRange(now.start, now.end));
  };

  return (
    <textarea
      ref={area}
      id={id}
      className="w-field w-area nodrag nowheel nopan"
      value={shown}
      rows={3}
      placeholder={text(def.options.placeholder) ?? label}
      spellCheck={false}
      aria-describedby={describedBy}
      disabled={disabled}
      onChange={(event) => onChange(event.target.value, gesture.current())}
      onKeyDown={onKeyDown}
      onBlur={gesture.end}
    />
  );
}

/** For browsers without `field-sizing`. */
function useGrowth(area: React.RefObject<HTMLTextAreaElement | null>, shown: string): void {
  useLayoutEffect(() => {
    const field = area.current;
    if (!field || GROWS_ITSELF) return;
    field.style.height = "auto";
    field.style.height = `${Math.min(MOST, field.scrollHeight + 2)}px`;
  }, [area, shown]);
}
