/** What the app can do beside editing a graph; the menu, the shortcuts and the help read this one table. */

import { exportAs } from "../export";
import { startTour } from "../first/tour";
import type { Key } from "../i18n";
import { t } from "../i18n";
import { EMPTY } from "../model/types";
import { interrupt, queue } from "../run/run";
import { activeTab, changeTab, editor, openDocument, runId, showTab, type Tab } from "./editor";
import { layout, showDialog, toggleLeft, toggleRight } from "./layout";
import { moveEntry } from "./library";
import { askText } from "./questions";
import { pickFiles } from "./reading";
import { close, downloadApi, downloadJson, nameOf, pathOf, save, saveAs } from "./saving";
import { batch } from "./settings";
import { toast } from "./toasts";

export interface Action {
  readonly id: string;
  readonly label: Key;
  /** As `Mod+Shift+S`; Mod is the Command key on a Mac. */
  readonly keys?: string;
  readonly run: () => void;
}

export const ACTIONS: readonly Action[] = [
  { id: "run", label: "app.run", keys: "Mod+Enter", run: () => void queue({ count: batch.get() }) },
  { id: "runFront", label: "app.runFront", keys: "Mod+Shift+Enter", run: () => void queue({ front: true }) },
  { id: "runTo", label: "app.runTo", keys: "Alt+Enter", run: runToSelected },
  { id: "interrupt", label: "app.interrupt", keys: "Mod+Alt+Enter", run: () => void interrupt() },
  { id: "new", label: "app.newTab", keys: "Alt+N", run: newTab },
  { id: "open", label: "app.open", keys: "Mod+O", run: pickFiles },
  { id: "save", label: "app.save", keys: "Mod+S", run: () => void save() },
  { id: "saveAs", label: "app.saveAsMenu", keys: "Mod+Shift+S", run: () => void saveAs() },
  { id: "rename", label: "app.rename", keys: "F2", run: () => void rename(activeTab()) },
  { id: "close", label: "app.close", keys: "Alt+W", run: () => void close(activeTab()) },
  { id: "nextTab", label: "app.nextTab", keys: "Alt+PageDown", run: () => step(1) },
  { id: "previousTab", label: "app.previousTab", keys: "Alt+PageUp", run: () => step(-1) },
  { id: "download04", label: "app.download04", run: () => downloadJson(0.4) },
  { id: "download1", label: "app.download1", run: () => downloadJson(1) },
  { id: "downloadApi", label: "app.downloadApi", run: () => void downloadApi() },
  { id: "exportPng", label: "widgets.export.png", run: () => exportAs("png") },
  { id: "exportSvg", label: "widgets.export.svg", run: () => exportAs("svg") },
  { id: "library", label: "app.library", keys: "Alt+1", run: () => toggleLeft("library") },
  { id: "templates", label: "app.templates", keys: "Alt+2", run: () => toggleLeft("templates") },
  { id: "gallery", label: "app.gallery", keys: "Alt+3", run: () => toggleLeft("gallery") },
  { id: "queue", label: "app.queue", keys: "Alt+4", run: () => toggleRight("queue") },
  { id: "problems", label: "app.problems", keys: "Alt+5", run: () => toggleRight("problems") },
  { id: "tour", label: "widgets.tour.show", run: startTour },
  { id: "help", label: "app.help", keys: "?", run: () => showDialog(layout.get().dialog === "help" ? null : "help") },
  { id: "settings", label: "app.settings", keys: "Mod+,", run: () => showDialog("settings") },
];

export function action(id: string): Action {
  return ACTIONS.find((one) => one.id === id)!;
}

export function newTab(): void {
  openDocument(EMPTY, t("app.untitled"));
}

/** On the server too, if it is kept there. */
export async function rename(tab: Tab): Promise<void> {
  const name = await askText(
    t("app.rename"),
    tab.path ? pathOf(tab.path.slice(10)).slice(10, -5) : tab.name,
    t("app.ok"),
  );
  if (!name) return;
  if (!tab.path) return changeTab(tab.id, (one) => ({ ...one, name }));
  await moveEntry(tab.path, pathOf(name)).catch((error: Error) =>
    toast("error", t("app.notRenamed", { name: nameOf(pathOf(name)), why: error.message })),
  );
}

function step(by: number): void {
  const { tabs, active } = editor.get();
  const at = tabs.findIndex((tab) => tab.id === active);
  const next = tabs[(at + by + tabs.length) % tabs.length];
  if (next) showTab(next.id);
}

/** Runs what the selected nodes need, and them, and nothing else. */
function runToSelected(): void {
  const tab = activeTab();
  const nodes = [...tab.selection].filter((id) => !id.includes(":"));
  if (!nodes.length) return toast("info", t("app.selectFirst"));
  void queue({ targets: nodes.map((id) => runId(tab, id)) });
}
