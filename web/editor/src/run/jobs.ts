/** The queue and the history, of everybody: kept up to date while somebody looks. */

import { createStore, type Store } from "../app/store";
import { call, type Schemas } from "../api/client";

export type Job = Schemas["JobItem"];

export interface JobsState {
  readonly running: readonly Job[];
  /** The next one first. */
  readonly pending: readonly Job[];
  readonly history: readonly Job[];
  readonly more: boolean;
  readonly paused: boolean;
  readonly search: string;
  /** By id: 0..1, of those that run. */
  readonly overall: Readonly<Record<string, number>>;
  readonly failed: boolean;
}

const PAGE = 60;
const PAUSE = 250; // milliseconds between two questions
const WATCH = 1_000;

export const jobs: Store<JobsState> = createStore<JobsState>({
  running: [],
  pending: [],
  history: [],
  more: false,
  paused: false,
  search: "",
  overall: {},
  failed: false,
});

let watchers = 0;
let timer = 0;
let limit = PAGE;

/** While somebody watches, changes are asked for. Returns what ends it. */
export function watch(): () => void {
  if (watchers++ === 0) void ask();
  return () => void watchers--;
}

/** The queue changed, the server says. */
export function changed(): void {
  if (!watchers || timer) return;
  timer = window.setTimeout(() => {
    timer = 0;
    void ask();
  }, PAUSE);
}

export function search(words: string): void {
  limit = PAGE;
  jobs.set((state) => ({ ...state, search: words }));
  changed();
}

export function showMore(): void {
  limit += PAGE;
  changed();
}

async function ask(): Promise<void> {
  const { search } = jobs.get();
  try {
    const [open, over] = await Promise.all([
      call("get", "/jobs", { query: { status: "in_progress,pending", limit: 500 } }),
      call("get", "/jobs", { query: { status: "completed,failed,cancelled", limit, ...(search ? { search } : {}) } }),
    ]);
    take(open.jobs, over);
    void measure();
  } catch {
    jobs.set((state) => ({ ...state, failed: true }));
  }
}

function take(open: readonly Job[], over: Schemas["JobPage"]): void {
  const pending = open.filter((job) => job.status === "pending");
  jobs.set((state) => ({
    ...state,
    running: open.filter((job) => job.status === "in_progress"),
    pending: pending.sort((a, b) => (a.position ?? 0) - (b.position ?? 0)),
    history: over.jobs,
    more: over.pagination.has_more,
    paused: over.paused,
    failed: false,
  }));
}

let measuring = 0;

/** How far those are that run; asked again while they do and somebody watches. */
async function measure(): Promise<void> {
  window.clearTimeout(measuring);
  const { running } = jobs.get();
  const found = await Promise.all(
    running.map(async ({ id }): Promise<[string, number]> => {
      const detail = await call("get", "/jobs/{id}", { path: { id } }).catch(() => undefined);
      return [id, detail?.progress?.overall ?? 0];
    }),
  );
  jobs.set((state) => ({ ...state, overall: Object.fromEntries(found) }));
  window.clearTimeout(measuring);
  if (running.length && watchers) measuring = window.setTimeout(() => void measure(), WATCH);
}

// --- changes ---

export async function move(id: string, position: number): Promise<void> {
  await call("post", "/queue", { body: { move: { prompt_id: id, position } } });
  changed();
}

export async function remove(ids: readonly string[]): Promise<void> {
  await call("post", "/queue", { body: { delete: [...ids] } });
  changed();
}

export async function pause(paused: boolean): Promise<void> {
  await call("post", "/queue", { body: { pause: paused } });
  changed();
}

export async function cancel(id: string): Promise<void> {
  await call("post", "/jobs/{id}/cancel", { path: { id } });
  changed();
}

export async function forget(ids: readonly string[]): Promise<void> {
  await call("post", "/history", { body: { delete: [...ids] } });
  changed();
}

export async function clearHistory(): Promise<void> {
  await call("post", "/history", { body: { clear: true } });
  changed();
}
