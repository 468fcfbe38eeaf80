/** The queue and the history, of everybody: kept up to date while somebody looks. */

import { createStore, type Store } from "../app/store";
import { number, object, objects, text } from "../model/json";
import type { JsonObject } from "../model/types";
import { getJson, postJson } from "./server";

export interface Job {
  readonly id: string;
  readonly status: "pending" | "in_progress" | "completed" | "failed" | "cancelled";
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly began?: number;
  readonly ended?: number;
  readonly error?: string;
  readonly client?: string;
  /** The file that stands for it. */
  readonly picture?: JsonObject;
  readonly outputs: number;
}

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
  const words = jobs.get().search;
  const query = words ? `&search=${encodeURIComponent(words)}` : "";
  try {
    const [open, over] = await Promise.all([
      getJson("jobs?status=in_progress,pending&limit=500"),
      getJson(`jobs?status=completed,failed,cancelled&limit=${limit}${query}`),
    ]);
    take(objects(object(open).jobs).map(readJob), object(over));
    void measure();
  } catch {
    jobs.set((state) => ({ ...state, failed: true }));
  }
}

function take(open: Job[], over: JsonObject): void {
  const pending = open.filter((job) => job.status === "pending");
  jobs.set((state) => ({
    ...state,
    running: open.filter((job) => job.status === "in_progress"),
    pending: pending.sort((a, b) => places.get(a)! - places.get(b)!),
    history: objects(over.jobs).map(readJob),
    more: object(over.pagination).has_more === true,
    paused: over.paused === true,
    failed: false,
  }));
}

const places = new WeakMap<Job, number>();

function readJob(told: JsonObject): Job {
  const picture = object(told.preview_output);
  const error = text(object(told.execution_error).exception_message);
  const job: Job = {
    id: String(told.id),
    status: told.status as Job["status"],
    created: number(told.create_time),
    ...(typeof told.execution_start_time === "number" ? { began: told.execution_start_time } : {}),
    ...(typeof told.execution_end_time === "number" ? { ended: told.execution_end_time } : {}),
    ...(error ? { error } : {}),
    ...(text(told.client_id) ? { client: text(told.client_id)! } : {}),
    ...(picture.filename ? { picture } : {}),
    outputs: number(told.outputs_count),
  };
  places.set(job, number(told.position));
  return job;
}

let measuring = 0;

/** How far those are that run; asked again while they do and somebody watches. */
async function measure(): Promise<void> {
  window.clearTimeout(measuring);
  const { running } = jobs.get();
  const found = await Promise.all(
    running.map(async ({ id }): Promise<[string, number]> => {
      const detail = object(await getJson(`jobs/${encodeURIComponent(id)}`).catch(() => null));
      return [id, number(object(detail.progress).overall)];
    }),
  );
  jobs.set((state) => ({ ...state, overall: Object.fromEntries(found) }));
  window.clearTimeout(measuring);
  if (running.length && watchers) measuring = window.setTimeout(() => void measure(), WATCH);
}

// --- changes ---

export async function move(id: string, position: number): Promise<void> {
  await postJson("queue", { move: { prompt_id: id, position } });
  changed();
}

export async function remove(ids: readonly string[]): Promise<void> {
  await postJson("queue", { delete: ids });
  changed();
}

export async function pause(paused: boolean): Promise<void> {
  await postJson("queue", { pause: paused });
  changed();
}

export async function cancel(id: string): Promise<void> {
  await postJson(`jobs/${encodeURIComponent(id)}/cancel`, {});
  changed();
}

export async function forget(ids: readonly string[]): Promise<void> {
  await postJson("history", { delete: ids });
  changed();
}

export async function clearHistory(): Promise<void> {
  await postJson("history", { clear: true });
  changed();
}
