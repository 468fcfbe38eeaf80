/** All keys, from the same tables that make them work. */

import { useState } from "react";
import { ACTIONS } from "../app/actions";
import { Dialog } from "../app/Dialog";
import { showDialog } from "../app/layout";
import { shownKeys } from "../app/shortcuts";
import { CANVAS_COMMANDS } from "../canvas/commands";
import { GRAPH_COMMANDS } from "../commands/graph";
import { t, type Key } from "../i18n";
import { Search } from "./Panel";

interface Line {
  readonly label: string;
  readonly keys: readonly string[];
}

const GESTURES: readonly (readonly [Key, Key])[] = [
  ["panels.gestureSearch", "panels.keysSearch"],
  ["panels.gesturePan", "panels.keysPan"],
  ["panels.gestureZoom", "panels.keysZoom"],
  ["panels.gestureBox", "panels.keysBox"],
  ["panels.gestureLasso", "panels.keysLasso"],
  ["panels.gestureLink", "panels.keysLink"],
  ["panels.gestureAll", "panels.keysAll"],
  ["panels.gestureCut", "panels.keysCut"],
  ["panels.gestureCopy", "panels.keysCopy"],
  ["panels.gestureNumber", "panels.keysNumber"],
];

export function Help() {
  const [words, setWords] = useState("");
  const parts: [string, Line[]][] = [
    [t("panels.helpApp"), lines(ACTIONS.map(({ label, keys }) => ({ label, keys: keys ? [keys] : [] })))],
    [t("panels.helpGraph"), lines([...CANVAS_COMMANDS, ...GRAPH_COMMANDS])],
    [t("panels.helpMouse"), GESTURES.map(([label, how]) => ({ label: t(label), keys: [t(how)] }))],
  ];
  return (
    <Dialog wide title={t("app.help")} onClose={() => showDialog(null)}>
      <Search value={words} label={t("panels.searchHelp")} onChange={setWords} />
      <div className="help">
        {parts.map(([name, lines]) => (
          <Part key={name} name={name} lines={lines.filter((line) => matches(line, words))} />
        ))}
      </div>
    </Dialog>
  );
}

/** What has keys, each once. */
function lines(commands: readonly { readonly label: Key; readonly keys?: readonly string[] }[]): Line[] {
  const found = new Map<string, Set<string>>();
  for (const { label, keys = [] } of commands) {
    for (const one of keys) found.set(t(label), (found.get(t(label)) ?? new Set()).add(one));
  }
  return [...found].map(([label, keys]) => ({ label, keys: [...keys] }));
}

function matches({ label, keys }: Line, words: string): boolean {
  return [label, ...keys].join(" ").toLowerCase().includes(words.toLowerCase());
}

function Part({ name, lines }: { name: string; lines: readonly Line[] }) {
  if (!lines.length) return null;
  return (
    <section>
      <h3>{name}</h3>
      <dl className="keys">
        {lines.map(({ label, keys }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {keys.map((one) => (
                <kbd key={one}>{shownKeys(one)}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
