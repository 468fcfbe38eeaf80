/** A menu, of three entries or of thousands: a button that opens a list with a filter. */

import { useRef, useState, type KeyboardEvent } from "react";
import { t } from "../i18n";
import type { Json } from "../model/types";
import { indexOf, neighbour, splitPath, textOf } from "./choices";
import { ComboList } from "./ComboList";
import { ArrowDown } from "./icons";
import { keepKeys } from "./keys";

export interface MenuFieldProps {
  readonly id: string;
  readonly label: string;
  readonly describedBy?: string | undefined;
  readonly disabled?: boolean | undefined;
  readonly wrong?: boolean | undefined;
  readonly choices: readonly Json[];
  readonly value: Json | undefined;
  /** The value is no entry, and should be one. */
  readonly missing?: boolean;
  /** The entries are pictures, of this folder. */
  readonly pictures?: string | undefined;
  readonly onOpen?: () => void;
  readonly onChange: (choice: Json) => void;
}

export function MenuField(props: MenuFieldProps) {
  const { id, value, choices, missing = false, onChange, disabled } = props;
  const [open, setOpen] = useState<string>();
  const button = useRef<HTMLButtonElement>(null);

  const start = (typed: string) => (props.onOpen?.(), setOpen(typed));
  const onKeyDown = (event: KeyboardEvent<HTMLButtonElement>) => {
    keepKeys(event);
    if (event.ctrlKey || event.metaKey) return;
    const steps = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (steps) event.preventDefault();
    const next = steps && !event.altKey ? neighbour(value, choices, steps) : undefined;
    if (next !== undefined) onChange(next);
    else if (steps && event.altKey) start("");
    else if (event.key.length === 1 && event.key !== " " && !event.altKey) {
      event.preventDefault();
      start(event.key);
    }
  };

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
        aria-invalid={missing || props.wrong || undefined}
        aria-describedby={props.describedBy}
        disabled={disabled}
        onClick={() => (open === undefined ? start("") : setOpen(undefined))}
        onKeyDown={onKeyDown}
      >
        <Chosen value={value} />
        <ArrowDown />
      </button>
      {open !== undefined && button.current && (
        <ComboList
          id={`${id}-list`}
          label={props.label}
          anchor={button.current}
          choices={choices}
          chosen={indexOf(value, choices)}
          missing={missing ? textOf(value) : undefined}
          typed={open}
          pictures={props.pictures}
          onChoose={onChange}
          onClose={() => (setOpen(undefined), button.current?.focus())}
        />
      )}
    </>
  );
}

function Chosen({ value }: { readonly value: Json | undefined }) {
  const [folder, file] = splitPath(textOf(value));
  return (
    <span className="w-combo-value" title={textOf(value)}>
      {folder && <span className="w-folder">{folder}</span>}
      <span className="w-file-name">{file || t("widgets.combo.none")}</span>
    </span>
  );
}
