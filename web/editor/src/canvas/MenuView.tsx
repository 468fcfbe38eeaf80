/** A menu at the pointer: arrows and letters move in it, submenus open to the side, Escape closes. */

import { useEffect, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { useStore } from "../app/store";
import type { Point } from "../model/types";
import { close, ui, type MenuEntry, type MenuItem } from "./ui";
import { refocus } from "./viewport";

export function ContextMenu() {
  const menu = useStore(ui, (state) => state.menu);
  if (!menu) return null;
  return (
    <>
      <div
        className="veil"
        onPointerDown={leave}
        onContextMenu={(event) => {
          event.preventDefault();
          leave();
        }}
      />
      <List key={menu.screen.join()} items={menu.items} label={menu.label} at={menu.screen} onLeave={leave} />
    </>
  );
}

function leave(): void {
  close("menu");
  refocus();
}

interface ListProps {
  readonly items: readonly MenuItem[];
  readonly label: string;
  readonly at: Point;
  readonly onLeave: () => void;
}

function List({ items, label, at, onLeave }: ListProps) {
  const box = useRef<HTMLUListElement>(null);
  const [inner, setInner] = useState<{ entry: MenuEntry; at: Point }>();
  useInside(box, at);
  useEffect(() => box.current?.querySelector<HTMLElement>(":scope > li > button:not(:disabled)")?.focus(), []);
  const openInner = (entry: MenuEntry, button: HTMLElement) => {
    const edge = button.getBoundingClientRect();
    setInner(entry.children ? { entry, at: [edge.right - 2, edge.top - 5] } : undefined);
  };
  const choose = (entry: MenuEntry, button: HTMLElement) => {
    if (entry.children) return openInner(entry, button);
    leave();
    entry.run?.();
  };
  return (
    <ul
      className="context-menu"
      role="menu"
      aria-label={label}
      ref={box}
      style={{ left: at[0], top: at[1] }}
      onKeyDown={(event) => move(event, onLeave)}
    >
      {items.map((item, i) =>
        item === "line" ? (
          <li key={i} role="separator" />
        ) : (
          <li key={item.id} role="none">
            <Line
              entry={item}
              open={inner?.entry === item}
              onChoose={(button) => choose(item, button)}
              onPoint={(button) => openInner(item, button)}
            />
            {inner?.entry === item && (
              <List
                items={item.children!}
                label={item.label}
                at={inner.at}
                onLeave={() => {
                  setInner(undefined);
                  box.current?.querySelector<HTMLElement>("[aria-expanded=true]")?.focus();
                }}
              />
            )}
          </li>
        ),
      )}
    </ul>
  );
}

interface LineProps {
  readonly entry: MenuEntry;
  readonly open: boolean;
  readonly onChoose: (button: HTMLElement) => void;
  readonly onPoint: (button: HTMLElement) => void;
}

function Line({ entry, open, onChoose, onPoint }: LineProps) {
  return (
    <button
      type="button"
      role={entry.checked === undefined ? "menuitem" : "menuitemcheckbox"}
      aria-checked={entry.checked}
      aria-haspopup={entry.children ? "menu" : undefined}
      aria-expanded={entry.children ? open : undefined}
      disabled={entry.disabled}
      onClick={(event) => onChoose(event.currentTarget)}
      onPointerEnter={(event) => onPoint(event.currentTarget)}
      onKeyDown={(event) => {
        if (event.key !== "ArrowRight" || !entry.children) return;
        event.stopPropagation();
        onPoint(event.currentTarget);
      }}
    >
      <i aria-hidden="true">{entry.checked ? "✓" : ""}</i>
      {entry.swatch && <b style={{ background: entry.swatch }} aria-hidden="true" />}
      <span>{entry.label}</span>
      {entry.keys && <kbd>{entry.keys}</kbd>}
      {entry.children && <i aria-hidden="true">›</i>}
    </button>
  );
}

/** Moves the focus within its list; to the left, out of it. */
function move(event: KeyboardEvent<HTMLUListElement>, onLeave: () => void): void {
  event.stopPropagation();
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>(":scope > li > button:not(:disabled)")];
  const at = all.indexOf(document.activeElement as HTMLElement);
  const step = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
  if (step !== undefined) all[step % all.length]?.focus();
  else if (event.key === "Escape" || event.key === "ArrowLeft" || event.key === "Tab") onLeave();
  else if (/^\S$/.test(event.key)) byLetter(all, at, event.key)?.focus();
  else return;
  event.preventDefault();
}

function byLetter(all: readonly HTMLElement[], at: number, letter: string): HTMLElement | undefined {
  const starts = (one: HTMLElement) => one.textContent?.toLowerCase().startsWith(letter.toLowerCase());
  return [...all.slice(at + 1), ...all.slice(0, at + 1)].find(starts);
}

/** Moves a list that would leave the window back into it. */
function useInside(box: React.RefObject<HTMLUListElement | null>, at: Point): void {
  useLayoutEffect(() => {
    const list = box.current;
    if (!list) return;
    const { width, height } = list.getBoundingClientRect();
    list.style.left = `${Math.max(4, Math.min(at[0], window.innerWidth - width - 4))}px`;
    list.style.top = `${Math.max(4, Math.min(at[1], window.innerHeight - height - 4))}px`;
  }, [box, at]);
}
