/** Documents become files: of the library on the server, and downloads. */

import { t } from "../i18n";
import { present } from "../model/history";
import { object } from "../model/json";
import type { JsonObject } from "../model/types";
import { write } from "../model/write";
import { parseJson as parse, printJson as print } from "../model/jsontext";
import { ask, Refused } from "../run/server";
import { activeTab, closeTab, editor, isChanged, markSaved, type Tab } from "./editor";
import { libraryChanged } from "./library";
import { askText, choose } from "./questions";
import { toast } from "./toasts";

export const FOLDER = "workflows/";
const INDENT = 2;

/** The document of a tab in the form that files have. */
export function written(tab: Tab, version?: 0.4 | 1): JsonObject {
  const doc = present(tab.history);
  return write(doc, editor.get().defs, version ?? doc.version);
}

export async function save(tab: Tab = activeTab()): Promise<boolean> {
  return tab.path ? put(tab, tab.path, true) : saveAs(tab);
}

export async function saveAs(tab: Tab = activeTab()): Promise<boolean> {
  const known = tab.path?.slice(FOLDER.length).replace(/\.json$/, "") ?? tab.name;
  const name = await askText(t("app.saveAs"), known, t("app.save"));
  if (!name) return false;
  return put(tab, pathOf(name), pathOf(name) === tab.path);
}

export function pathOf(name: string): string {
  const clean = name.replace(/^\/+|\/+$/g, "").replace(/\.json$/i, "");
  return `${FOLDER}${clean}.json`;
}

export function nameOf(path: string): string {
  return path
    .split("/")
    .at(-1)!
    .replace(/\.json$/, "");
}

async function put(tab: Tab, path: string, overwrite: boolean): Promise<boolean> {
  try {
    const body = print(written(tab), INDENT);
    await ask(`userdata/${encodeURIComponent(path)}?overwrite=${overwrite}`, { method: "POST", body });
    markSaved(tab.id, nameOf(path), path);
    toast("ok", t("app.saved", { name: nameOf(path) }));
    libraryChanged();
    return true;
  } catch (error) {
    if (error instanceof Refused && error.status === 409) return replace(tab, path);
    toast("error", t("app.notSaved", { why: error instanceof Refused ? error.message : t("app.unreachable") }));
    return false;
  }
}

async function replace(tab: Tab, path: string): Promise<boolean> {
  const answer = await choose(t("app.replace"), t("app.replaceText", { name: nameOf(path) }), [
    { id: "no", label: t("app.cancel") },
    { id: "yes", label: t("app.replaceIt"), kind: "danger" },
  ]);
  return answer === "yes" && put(tab, path, true);
}

/** Asks first if something would be lost. */
export async function close(tab: Tab): Promise<void> {
  if (isChanged(tab)) {
    const answer = await choose(t("app.closeTitle", { name: tab.name }), t("app.closeText"), [
      { id: "drop", label: t("app.dontSave"), kind: "danger" },
      { id: "save", label: t("app.save"), kind: "primary" },
    ]);
    if (answer === undefined || (answer === "save" && !(await save(tab)))) return;
  }
  closeTab(tab.id);
}

// --- downloads ---

export function download(data: Blob, name: string): void {
  const link = window.document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function downloadJson(version: 0.4 | 1): void {
  const tab = activeTab();
  const body = print(written(tab, version), INDENT);
  download(new Blob([body], { type: "application/json" }), `${tab.name}.json`);
}

export async function downloadApi(): Promise<void> {
  const tab = activeTab();
  try {
    const headers = { "Content-Type": "application/json" };
    const answer = await ask("convert?to=api", { method: "POST", headers, body: print(written(tab)) });
    const graph = object(object(parse(await answer.text())).result);
    download(new Blob([print(graph, INDENT)], { type: "application/json" }), `${tab.name}_api.json`);
  } catch (error) {
    toast("error", error instanceof Refused ? error.message : t("app.unreachable"));
  }
}
