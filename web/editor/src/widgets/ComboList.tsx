/** The open list of a menu, over everything else: a filter, and only the rows that are in sight. */

import {
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type SyntheticEvent,
} from "react";
import { createPortal } from "react-dom";
import { t } from "../i18n";
import type { Json } from "../model/types";
import { filtered, placeList, splitPath, textOf, windowOf, type Place } from "./choices";
import { fileOf, viewUrl } from "./files";
import { Check } from "./icons";

export interface ComboListProps {
  readonly id: string;
  readonly label: string;
  readonly anchor: HTMLElement;
  readonly choices: readonly Json[];
  readonly chosen: number;
  /** A value that is no entry. */
  readonly missing: string | undefined;
  /** What opened the list by being typed. */
  readonly typed: string;
  /** The entries are pictures, of this folder. */
  readonly pictures: string | undefined;
  readonly onChoose: (choice: Json) => void;
  readonly onClose: () => void;
}

const ROW = 30;
const PICTURE_ROW = 52;
const MOST = 420;
/** So few entries are seen at once: they need no filter, though typing still finds them. */
const FEW = 8;

export function ComboList(props: ComboListProps) {
  const { id, choices, chosen, pictures, onChoose, onClose } = props;
  const [query, setQuery] = useState(props.typed);
  const found = useMemo(() => filtered(query, choices), [query, choices]);
  const [at, setAt] = useState(() => (props.typed ? 0 : Math.max(0, chosen)));
  const box = useRef<HTMLDivElement>(null);
  const short = choices.length <= FEW && !pictures;
  const [place] = useState(() => placeAt(props.anchor, short ? 120 : 340));
  useOutside(box, props.anchor, onClose);

  const choose = (index: number | undefined) => {
    if (index === undefined) return;
    onChoose(choices[index]!);
    onClose();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    const to = moved(event.key, at, found.length);
    if (to === undefined && event.key !== "Enter" && event.key !== "Escape" && event.key !== "Tab") return;
    event.preventDefault();
    if (to !== undefined) setAt(to);
    else if (event.key === "Enter") choose(found[at]);
    else onClose();
  };

  return createPortal(
    <div
      ref={box}
      id={id}
      className="w-list nowheel"
      role="dialog"
      aria-label={props.label}
      style={place}
      onKeyDown={onKeyDown}
    >
      <input
        className={short && !query ? "visually-hidden" : "w-list-filter"}
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-rows`}
        aria-activedescendant={found.length ? `${id}-${found[at]}` : undefined}
        aria-label={t("widgets.combo.filter", { name: props.label })}
        placeholder={t("widgets.combo.search")}
        autoFocus
        spellCheck={false}
        value={query}
        onChange={(event) => (setQuery(event.target.value), setAt(0))}
      />
      {props.missing !== undefined && (
        <p className="w-list-missing">{t("widgets.combo.missing", { name: props.missing })}</p>
      )}
      <Rows id={`${id}-rows`} label={props.label} found={found} at={at} row={pictures ? PICTURE_ROW : ROW}>
        {(index, place) => (
          <Option
            key={index}
            id={`${id}-${index}`}
            choice={choices[index]!}
            chosen={index === chosen}
            active={found[at] === index}
            pictures={pictures}
            place={place}
            count={found.length}
            row={pictures ? PICTURE_ROW : ROW}
            onChoose={() => choose(index)}
          />
        )}
      </Rows>
      <p className={short ? "visually-hidden" : "w-list-count"} aria-live="polite">
        {t("widgets.combo.count", { shown: found.length, all: choices.length })}
      </p>
    </div>,
    document.body,
  );
}

const MOVES: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at - 1 + count) % count,
  PageDown: (at, count) => Math.min(count - 1, at + 10),
  PageUp: (at) => Math.max(0, at - 10),
};

function moved(key: string, at: number, count: number): number | undefined {
  return count ? MOVES[key]?.(at, count) : undefined;
}

interface RowsProps {
  readonly id: string;
  readonly label: string;
  readonly found: readonly number[];
  readonly at: number;
  readonly row: number;
  readonly children: (index: number, place: number) => ReactNode;
}

function Rows({ id, label, found, at, row, children }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: MOST });
  useLayoutEffect(() => {
    const field = scroller.current;
    if (!field) return;
    const [top, bottom] = [at * row, (at + 1) * row];
    if (top < field.scrollTop) field.scrollTop = top;
    else if (bottom > field.scrollTop + field.clientHeight) field.scrollTop = bottom - field.clientHeight;
    setView({ top: field.scrollTop, height: field.clientHeight });
  }, [at, row, found]);
  const { first, last } = windowOf(view.top, view.height, row, found.length);
  return (
    <div
      ref={scroller}
      id={id}
      role="listbox"
      aria-label={label}
      className="w-list-rows"
      onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
    >
      <div role="presentation" style={{ height: found.length * row }}>
        {found.slice(first, last).map((index, i) => children(index, first + i))}
      </div>
    </div>
  );
}

interface OptionProps {
  readonly id: string;
  readonly choice: Json;
  readonly chosen: boolean;
  readonly active: boolean;
  readonly pictures: string | undefined;
  readonly place: number;
  readonly count: number;
  readonly row: number;
  readonly onChoose: () => void;
}

function Option({ id, choice, chosen, active, pictures, place, count, row, onChoose }: OptionProps) {
  const name = textOf(choice);
  const [folder, file] = splitPath(name);
  const ref = pictures ? fileOf(name, pictures) : undefined;
  return (
    <div
      id={id}
      role="option"
      aria-selected={chosen}
      aria-posinset={place + 1}
      aria-setsize={count}
      className="w-option"
      data-active={active || undefined}
      style={{ top: place * row, height: row }}
      title={name}
      onPointerDown={(event) => event.preventDefault()}
      onClick={onChoose}
    >
      {ref && <img src={viewUrl(ref, { preview: 50 })} alt="" loading="lazy" onError={hide} />}
      <span className="w-option-name">
        {folder && <span className="w-folder">{folder}</span>}
        <span className="w-file-name">{file}</span>
      </span>
      {chosen && <Check />}
    </div>
  );
}

/** Of a file that is no picture, or is gone, there is nothing to show. */
function hide(event: SyntheticEvent<HTMLElement>): void {
  event.currentTarget.style.visibility = "hidden";
}

function placeAt(anchor: HTMLElement, least: number): Place {
  const view = { width: window.innerWidth, height: window.innerHeight };
  return placeList(anchor.getBoundingClientRect(), view, MOST, least);
}

/** A press anywhere else closes the list, and so does whatever moves its field away. */
function useOutside(box: React.RefObject<HTMLElement | null>, anchor: HTMLElement, onClose: () => void): void {
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const outside = (event: Event) => {
      const target = event.target as Node;
      if (box.current?.contains(target) || (event.type === "pointerdown" && anchor.contains(target))) return;
      close.current();
    };
    const events = ["pointerdown", "wheel"] as const;
    const resized = () => close.current();
    for (const event of events) window.addEventListener(event, outside, { capture: true, passive: true });
    window.addEventListener("resize", resized);
    return () => {
      for (const event of events) window.removeEventListener(event, outside, { capture: true });
      window.removeEventListener("resize", resized);
    };
  }, [box, anchor]);
}
