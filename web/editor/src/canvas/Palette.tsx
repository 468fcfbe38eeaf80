/** The search for a node to add: by words, with the keys alone, filtered by the link that it is for. */

import { useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { activeTab, document as shown, editor } from "../app/editor";
import { useStore } from "../app/store";
import { t } from "../i18n";
import { socketColor } from "../widgets/sockets";
import { addChosen } from "./add";
import type { NodeDef } from "../model/nodes";
import { find, recentTypes, subgraphsFor } from "./candidates";
import { NodeCard } from "./NodeCard";
import { close, ui, type PaletteRequest } from "./ui";
import { refocus } from "./viewport";

const MANY = 60;
const [WIDTH, HEIGHT] = [620, 420];

export function Palette() {
  const request = useStore(ui, (state) => state.palette);
  return request ? <Search key={request.screen.join()} request={request} /> : null;
}

function Search({ request }: { readonly request: PaletteRequest }) {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const found = useFound(useDeferredValue(query), request);
  const chosen = found[Math.min(at, found.length - 1)];
  const choose = (one: NodeDef | undefined) => {
    if (one) addChosen(one.type, request);
    leave();
  };
  const key = (event: KeyboardEvent) => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined) setAt(Math.max(0, Math.min(found.length - 1, at + step)));
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) choose(chosen);
    else if (event.key === "Escape" || event.key === "Tab") leave();
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div className="veil" onPointerDown={leave} onContextMenu={(event) => event.preventDefault()} />
      <div className="palette" role="dialog" aria-label={t("canvas.search")} style={corner(request)} onKeyDown={key}>
        <Field
          request={request}
          query={query}
          onQuery={(text) => (setQuery(text), setAt(0))}
          active={chosen && `found-${found.indexOf(chosen)}`}
        />
        <div className="palette-body">
          <Results found={found} at={at} onHover={setAt} onChoose={choose} query={query} />
          {chosen && <NodeCard def={chosen} />}
        </div>
      </div>
    </>
  );
}

function leave(): void {
  close("palette");
  refocus();
}

function useFound(text: string, request: PaletteRequest): NodeDef[] {
  const defs = useStore(editor, (state) => state.defs);
  const [recent] = useState(recentTypes);
  const [own] = useState(() => subgraphsFor(shown(), activeTab().at));
  const { ends } = request;
  return useMemo(() => find(defs, own, { text, recent, ends }).slice(0, MANY), [defs, own, text, recent, ends]);
}

/** Where it was asked for, as far as the window has room. */
function corner({ screen: [x, y] }: PaletteRequest) {
  const [width, height] = [Math.min(WIDTH, window.innerWidth - 16), Math.min(HEIGHT, window.innerHeight - 16)];
  const left = Math.max(8, Math.min(x - 40, window.innerWidth - width - 8));
  const top = Math.max(8, Math.min(y - 24, window.innerHeight - height - 8));
  return { left, top, width, height };
}

interface FieldProps {
  readonly request: PaletteRequest;
  readonly query: string;
  readonly onQuery: (text: string) => void;
  readonly active: string | undefined;
}

function Field({ request, query, onQuery, active }: FieldProps) {
  const end = request.ends?.[0];
  return (
    <div className="palette-field">
      {end && (
        <span className="palette-filter" style={{ "--socket": socketColor(end.type) } as object}>
          {end.side === "output" ? `${end.type} →` : `→ ${end.type}`}
        </span>
      )}
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={active}
        aria-label={t("canvas.search")}
        placeholder={t(end ? "canvas.searchFitting" : "canvas.searchHint")}
        spellCheck={false}
        autoComplete="off"
        value={query}
        onChange={(event) => onQuery(event.target.value)}
      />
    </div>
  );
}

interface ResultsProps {
  readonly found: readonly NodeDef[];
  readonly at: number;
  readonly query: string;
  readonly onHover: (at: number) => void;
  readonly onChoose: (one: NodeDef) => void;
}

function Results({ found, at, query, onHover, onChoose }: ResultsProps) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => void list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);
  if (!found.length) return <p className="palette-none">{t("canvas.nothingFound", { query })}</p>;
  return (
    <ul id="palette-list" className="palette-list" role="listbox" ref={list} aria-label={t("canvas.found")}>
      {found.map((one, i) => (
        <li
          key={one.type}
          id={`found-${i}`}
          role="option"
          aria-selected={i === Math.min(at, found.length - 1)}
          onPointerMove={() => i !== at && onHover(i)}
          onClick={() => onChoose(one)}
        >
          <span>{one.title}</span>
          {one.deprecated && <i className="badge warn">{t("canvas.deprecated")}</i>}
          {one.experimental && <i className="badge">{t("canvas.experimental")}</i>}
          <small>{one.category}</small>
        </li>
      ))}
    </ul>
  );
}
