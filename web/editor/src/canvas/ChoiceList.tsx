/** A list to choose from by typing and arrows. */

import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { Point } from "../model/types";
import { search } from "../model/fuzzy";

export interface Choice {
  readonly id: string;
  readonly label: string;
  readonly run: () => void;
}

interface Props {
  readonly label: string;
  /** What is said where nothing is left. */
  readonly none: string;
  readonly screen: Point;
  readonly choices: readonly Choice[];
  readonly onLeave: () => void;
}

const [WIDTH, HEIGHT] = [340, 320];

export function ChoiceList({ label, none, screen, choices, onLeave }: Props) {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const labels = choices.map((choice) => choice.label.toLowerCase());
  const found = search(query, labels).map((i) => choices[i]!);
  useEffect(() => void list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);
  const choose = (choice: Choice | undefined) => {
    onLeave();
    choice?.run();
  };
  const key = (event: KeyboardEvent) => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) setAt(Math.max(0, Math.min(found.length - 1, at + step)));
    else if (event.key === "Enter") choose(found[at]);
    else if (event.key === "Escape" || event.key === "Tab") onLeave();
    else return;
    event.preventDefault();
  };
  const left = Math.max(8, Math.min(screen[0], window.innerWidth - WIDTH - 8));
  const top = Math.max(8, Math.min(screen[1], window.innerHeight - HEIGHT - 8));
  return (
    <>
      <div className="veil" onPointerDown={onLeave} />
      <div
        className="palette choices"
        role="dialog"
        aria-label={label}
        style={{ left, top, width: WIDTH }}
        onKeyDown={key}
      >
        <div className="palette-field">
          <input
            autoFocus
            role="combobox"
            aria-expanded="true"
            aria-controls="choice-list"
            aria-activedescendant={found[at] && `choice-${at}`}
            aria-label={label}
            placeholder={label}
            value={query}
            onChange={(event) => (setQuery(event.target.value), setAt(0))}
          />
        </div>
        {found.length ? (
          <ul id="choice-list" className="palette-list" role="listbox" aria-label={label} ref={list}>
            {found.map((choice, i) => (
              <li
                key={choice.id}
                id={`choice-${i}`}
                role="option"
                aria-selected={i === at}
                onPointerMove={() => i !== at && setAt(i)}
                onClick={() => choose(choice)}
              >
                <span>{choice.label}</span>
              </li>
            ))}
          </ul>
        ) : (
          <p className="palette-none">{none}</p>
        )}
      </div>
    </>
  );
}
