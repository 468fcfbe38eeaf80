/** The workflows that are kept on the server: files below `workflows/` of the user's data, in folders. */

import { objects, text } from "../model/json";
import { ask, getJson } from "../run/server";
import { editor, changeTab } from "./editor";
import { createStore } from "./store";

export interface Entry {
  /** From the root of the user's data. */
  readonly path: string;
  readonly name: string;
  readonly folder: string;
  /** Seconds since 1970. */
  readonly modified: number;
}

export type Library = { readonly entries: readonly Entry[]; readonly state: "unknown" | "known" | "failed" };
export const library = createStore<Library>({ entries: [], state: "unknown" });

export async function loadLibrary(): Promise<void> {
  try {
    const found = objects(await getJson("userdata?dir=workflows&recurse=true&full_info=true"));
    const entries = found.flatMap((file) => entry(text(file.path) ?? "", Number(file.modified)));
    library.set(() => ({ entries, state: "known" }));
  } catch (error) {
    const missing = (error as { status?: number }).status === 404; // the folder comes with the first file
    library.set((before) => ({ ...before, state: missing ? "known" : "failed" }));
  }
}

function entry(path: string, modified: number): Entry[] {
  if (!path.endsWith(".json")) return [];
  const cut = path.lastIndexOf("/");
  return [
    { path: `workflows/${path}`, name: path.slice(cut + 1, -5), folder: path.slice(0, Math.max(cut, 0)), modified },
  ];
}

let asked = false;
/** Somebody saved, moved or deleted: who looks sees it. */
export function libraryChanged(): void {
  if (library.get().state === "unknown" || asked) return;
  asked = true;
  window.setTimeout(() => {
    asked = false;
    void loadLibrary();
  }, 100);
}

export async function moveEntry(from: string, to: string): Promise<void> {
  const way = `userdata/${encodeURIComponent(from)}/move/${encodeURIComponent(to)}?overwrite=false`;
  await ask(way, { method: "POST" });
  const name = to
    .split("/")
    .at(-1)!
    .replace(/\.json$/, "");
  for (const tab of editor.get().tabs) {
    if (tab.path === from) changeTab(tab.id, (one) => ({ ...one, name, path: to }));
  }
  libraryChanged();
}

export async function deleteEntry(path: string): Promise<void> {
  await ask(`userdata/${encodeURIComponent(path)}`, { method: "DELETE" });
  for (const tab of editor.get().tabs) {
    if (tab.path !== path) continue;
    changeTab(tab.id, (one) => {
      const { path: _, ...rest } = one;
      return rest;
    });
  }
  libraryChanged();
}
