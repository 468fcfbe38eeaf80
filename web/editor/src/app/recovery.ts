/** Keeps the open tabs in the browser all the time, and opens them again after a reload or a crash. */

import { present } from "../model/history";
import { read } from "../model/read";
import { EMPTY, type Document, type JsonObject } from "../model/types";
import { hasRun } from "../run/run";
import { clientId, renewClientId } from "../run/session";
import { runs } from "../run/state";
import { look } from "../run/follow";
import { choose, pack, unpack, type KeptTab, type KeptWindow } from "./autosave";
import { changeTab, editor, isChanged, openDocument, showTab, type Tab } from "./editor";
import { defsKnown } from "./reading";
import { written } from "./saving";
import { storage } from "./storage";

const QUIET = 800; // milliseconds
const LOCK = "mezzotint-window-";

/** Opens what this window had. Returns how many tabs, and whether something in them was saved nowhere else. */
export async function recover(): Promise<{ tabs: number; crashed: boolean }> {
  const own = clientId();
  const living = await alive();
  const kept = (await storage.all().catch(() => [])).flatMap((value) => unpack(value) ?? []);
  const { restore, drop } = choose(kept, own, living, Date.now());
  if (living.has(own) && !isReloaded()) renewClientId(); // a copy of a window that is open
  hold(clientId());
  if (restore) await reopen(restore);
  if (navigator.locks) for (const id of drop) void storage.remove(id).catch(() => undefined);
  const crashed = restore !== undefined && restore.id !== own && restore.tabs.some((tab) => tab.changed);
  return { tabs: restore?.tabs.length ?? 0, crashed };
}

function isReloaded(): boolean {
  const [how] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return how?.type === "reload";
}

function hold(id: string): void {
  void navigator.locks?.request(LOCK + id, () => new Promise(() => undefined));
}

/** The windows that are open: each holds a lock as long as it lives. */
async function alive(): Promise<Set<string>> {
  const locks = (await navigator.locks?.query())?.held ?? [];
  return new Set(locks.flatMap(({ name }) => (name?.startsWith(LOCK) ? [name.slice(LOCK.length)] : [])));
}

async function reopen(kept: KeptWindow): Promise<void> {
  const defs = await defsKnown();
  for (const tab of kept.tabs) {
    openDocument(read(tab.workflow, defs), tab.name, tab.path);
    const { active } = editor.get();
    if (tab.changed) changeTab(active, (one) => ({ ...one, saved: EMPTY }));
    if (!tab.job) continue;
    hasRun(active);
    void look(tab.job, active);
  }
  const shown = editor.get().tabs.at(kept.active - kept.tabs.length);
  if (shown) showTab(shown.id);
}

// --- keeping ---

const forms = new WeakMap<Document, JsonObject>();

function keptTab(tab: Tab): KeptTab {
  const doc = present(tab.history);
  const workflow = forms.get(doc) ?? written(tab);
  forms.set(doc, workflow);
  const job = runs.get().last.get(tab.id);
  const place = tab.path ? { path: tab.path } : {};
  return { name: tab.name, ...place, workflow, changed: isChanged(tab), ...(job ? { job } : {}) };
}

function keepNow(): void {
  const { tabs, active, defs } = editor.get();
  if (!defs.size) return;
  const at = Math.max(
    0,
    tabs.findIndex((tab) => tab.id === active),
  );
  const kept = { id: clientId(), at: Date.now(), active: at, tabs: tabs.map(keptTab) };
  void storage.put(kept.id, pack(kept)).catch(() => undefined);
}

/** From now on every change is kept, soon after it was made. */
export function keepTabs(): void {
  let timer = 0;
  const later = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(keepNow, QUIET);
  };
  keepNow();
  editor.subscribe(later);
  let { last } = runs.get();
  runs.subscribe(() => {
    if (runs.get().last === last) return;
    ({ last } = runs.get());
    later();
  });
  window.addEventListener("pagehide", keepNow);
}
