/** The workflows on the server: in folders, found by words, opened, renamed and deleted. */

import { useEffect, useState } from "react";
import { rename } from "../app/actions";
import { activeTab, editor, showTab } from "../app/editor";
import { Icon } from "../app/icons";
import { IconButton } from "../app/IconButton";
import { toggleLeft } from "../app/layout";
import { deleteEntry, library, loadLibrary, moveEntry, type Entry } from "../app/library";
import { Menu, type MenuLines } from "../app/Menu";
import { askText, choose } from "../app/questions";
import { openAddress, pickFiles } from "../app/reading";
import { pathOf, saveAs } from "../app/saving";
import { useStore } from "../app/store";
import { toast } from "../app/toasts";
import { moment } from "../app/words";
import { t } from "../i18n";
import { Nothing, Panel, Search } from "./Panel";

export function Library() {
  const { entries, state } = useStore(library, (all) => all);
  const [words, setWords] = useState("");
  useEffect(() => void loadLibrary(), []);
  const tools = (
    <>
      <IconButton icon="plus" label={t("app.saveAsMenu")} onClick={() => void saveAs(activeTab())} />
      <IconButton icon="folder" label={t("app.open")} onClick={pickFiles} />
    </>
  );
  const found = entries.filter((entry) => matches(entry, words));
  return (
    <Panel title={t("app.library")} side="left" tools={tools} onClose={() => toggleLeft("library")}>
      <Search value={words} label={t("panels.searchWorkflows")} onChange={setWords} />
      {state === "failed" && <Nothing>{t("app.unreachable")}</Nothing>}
      {state === "known" && !found.length && <Nothing>{t(words ? "panels.noMatch" : "panels.noWorkflows")}</Nothing>}
      {folders(found).map(([folder, inside]) => (
        <Folder key={folder} name={folder} entries={inside} open={!!words} />
      ))}
    </Panel>
  );
}

function matches(entry: Entry, words: string): boolean {
  const place = entry.path.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => place.includes(word));
}

/** The root first, then by name. */
function folders(entries: readonly Entry[]): [string, Entry[]][] {
  const found = new Map<string, Entry[]>([["", []]]);
  for (const entry of entries) found.set(entry.folder, [...(found.get(entry.folder) ?? []), entry]);
  return [...found].filter(([, inside]) => inside.length).sort(([a], [b]) => a.localeCompare(b));
}

function Folder({ name, entries, open }: { name: string; entries: readonly Entry[]; open: boolean }) {
  const list = (
    <ul className="rows">
      {entries.map((entry) => (
        <Row key={entry.path} entry={entry} />
      ))}
    </ul>
  );
  if (!name) return list;
  return (
    <details className="folder" open={open || undefined}>
      <summary>
        <Icon name="folder" size={15} />
        {name}
        <span className="dim">{entries.length}</span>
      </summary>
      {list}
    </details>
  );
}

function Row({ entry }: { entry: Entry }) {
  const open = useStore(editor, (state) => state.tabs.some((tab) => tab.path === entry.path));
  const lines: MenuLines = [
    { id: "rename", label: t("app.renameOrMove"), run: () => void renameEntry(entry) },
    "line",
    { id: "delete", label: t("app.delete"), danger: true, run: () => void remove(entry) },
  ];
  return (
    <li className="row">
      <button type="button" className="row-main" onClick={() => show(entry)}>
        <Icon name="node" size={15} />
        <span className="row-name">{entry.name}</span>
        {open && <span className="row-open" title={t("panels.isOpen")} />}
        <span className="dim">{moment(entry.modified * 1000)}</span>
      </button>
      <Menu label={t("panels.moreOf", { name: entry.name })} lines={lines} side="right">
        <Icon name="more" />
      </Menu>
    </li>
  );
}

function show(entry: Entry): void {
  const tab = editor.get().tabs.find((one) => one.path === entry.path);
  if (tab) showTab(tab.id);
  else void openAddress(entry.path);
}

async function renameEntry(entry: Entry): Promise<void> {
  const tab = editor.get().tabs.find((one) => one.path === entry.path);
  if (tab) return rename(tab);
  const name = await askText(t("app.renameOrMove"), entry.path.slice(10, -5), t("app.ok"));
  if (name) await moveEntry(entry.path, pathOf(name)).catch((error: Error) => toast("error", error.message));
}

async function remove(entry: Entry): Promise<void> {
  const answer = await choose(t("app.deleteTitle", { name: entry.name }), t("app.deleteText"), [
    { id: "no", label: t("app.cancel") },
    { id: "yes", label: t("app.delete"), kind: "danger" },
  ]);
  if (answer === "yes") await deleteEntry(entry.path).catch((error: Error) => toast("error", error.message));
}
