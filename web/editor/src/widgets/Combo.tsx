/** A menu, of three entries or of thousands: a button that opens a list with a filter. */

import { useRef, useState, type KeyboardEvent } from "react";
import { t } from "../i18n";
import { indexOf, isMissing, neighbour, splitPath, textOf } from "./choices";
import { ComboList } from "./ComboList";
import { ArrowDown } from "./icons";
import { keepKeys, newGesture } from "./keys";
import type { ControlProps } from "./types";
import { useChoices } from "./useChoices";

export function Combo(props: ControlProps) {
  const { def, id, name, value, onChange, nodeId, disabled, describedBy, label } = props;
  const [open, setOpen] = useState<string>();
  const button = useRef<HTMLButtonElement>(null);
  const { choices, refresh } = useChoices(def);
  const missing = !def.upload && choices.length > 0 && isMissing(value, choices);
  const change = (choice: number | bigint | string | boolean | null) => onChange(choice, newGesture(nodeId, name));

  const start = (typed: string) => (refresh(), setOpen(typed));
  const onKeyDown = (event: KeyboardEvent<HTMLButtonElement>) => {
    keepKeys(event);
    if (event.ctrlKey || event.metaKey) return;
    const steps = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const next = steps && neighbour(value, choices, steps);
    if (steps) event.preventDefault();
    if (steps && event.altKey) start("");
    else if (next !== undefined && next !== 0) change(next as string);
    else if (event.key.length === 1 && event.key !== " " && !event.altKey) {
      event.preventDefault();
      start(event.key);
    }
  };

  const [folder, file] = splitPath(textOf(value));
  return (
    <>
      <button
        ref={button}
        id={id}
        type="button"
        className="w-field w-combo nodrag"
        role="combobox"
        aria-haspopup="dialog"
        aria-expanded={open !== undefined}
        aria-controls={open === undefined ? undefined : `${id}-list`}
        aria-invalid={missing || Boolean(props.problem) || undefined}
        aria-describedby={describedBy}
        disabled={disabled}
        onClick={() => (open === undefined ? start("") : setOpen(undefined))}
        onKeyDown={onKeyDown}
      >
        <span className="w-combo-value" title={textOf(value)}>
          {folder && <span className="w-folder">{folder}</span>}
          <span className="w-file-name">{file || (value === null || value === "" ? t("widgets.combo.none") : "")}</span>
        </span>
        <ArrowDown />
      </button>
      {open !== undefined && button.current && (
        <ComboList
          id={`${id}-list`}
          label={label}
          anchor={button.current}
          choices={choices}
          chosen={indexOf(value, choices)}
          missing={missing ? textOf(value) : undefined}
          typed={open}
          pictures={def.upload === "image"}
          onChoose={(choice) => change(choice as string)}
          onClose={() => (setOpen(undefined), button.current?.focus())}
        />
      )}
    </>
  );
}
