/** A button that opens a list of things to do; arrows move in it, Esc closes it. */

import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

export interface MenuLine {
  readonly id: string;
  readonly label: string;
  readonly keys?: string;
  readonly disabled?: boolean;
  /** Present: it is on or off. */
  readonly checked?: boolean;
  readonly danger?: boolean;
  readonly run: () => void;
}
export type MenuLines = readonly (MenuLine | "line")[];

interface Props {
  readonly label: string;
  readonly lines: MenuLines;
  readonly children: ReactNode;
  readonly className?: string;
  readonly side?: "left" | "right";
}

export function Menu({ label, lines, children, className = "icon-button", side = "left" }: Props) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div className="menu" onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}>
      <button
        ref={button}
        type="button"
        className={className}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={label}
        title={label}
        onClick={() => setOpen(!open)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          setOpen(true);
        }}
      >
        {children}
      </button>
      {open && <List label={label} lines={lines} side={side} close={close} />}
    </div>
  );
}

interface ListProps {
  readonly label: string;
  readonly lines: MenuLines;
  readonly side: "left" | "right";
  readonly close: () => void;
}

function List({ label, lines, side, close }: ListProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.querySelector<HTMLElement>("button:not(:disabled)")?.focus(), []);
  const key = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape" || event.key === "Tab") close();
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const all = [...(box.current?.querySelectorAll<HTMLElement>("button:not(:disabled)") ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = Number.isFinite(step) ? (at + step + all.length) % all.length : step > 0 ? all.length - 1 : 0;
    all[to]?.focus();
  };
  return (
    <div ref={box} className={`menu-list menu-${side}`} role="menu" aria-label={label} onKeyDown={key}>
      {lines.map((line, i) =>
        line === "line" ? (
          <hr key={i} role="separator" />
        ) : (
          <button
            key={line.id}
            type="button"
            className={line.danger ? "menu-line danger" : "menu-line"}
            role={line.checked === undefined ? "menuitem" : "menuitemcheckbox"}
            aria-checked={line.checked}
            disabled={line.disabled}
            tabIndex={-1}
            onClick={() => {
              close();
              line.run();
            }}
          >
            <span className="menu-check">{line.checked ? "✓" : ""}</span>
            <span>{line.label}</span>
            {line.keys && <kbd>{line.keys}</kbd>}
          </button>
        ),
      )}
    </div>
  );
}
