/** Following the jobs of this window: messages as they come, questions where some may have been missed. */

import { editor } from "../app/editor";
import { isObject, list, number, object } from "../model/json";
import type { JsonObject, NodeId } from "../model/types";
import { learn, plan } from "./estimate";
import { fold, queued } from "./fold";
import { changed as queueChanged } from "./jobs";
import { failuresOf } from "./problems";
import { getJson } from "./server";
import { clientId } from "./session";
import { connect } from "./socket";
import { learned, refresh, runningJob, runs, setProblems, type Runs } from "./state";
import { fromDetail, withPictures } from "./sync";
import type { JobRun, Message } from "./types";

const ENDED = new Set(["success", "error", "cancelled"]);
const KEPT = 40; // jobs that are over and no tab shows
const TICK = 500; // milliseconds

type OnEnd = (job: JobRun, tab: string | undefined) => void;
const onEnd = new Set<OnEnd>();

/** Calls when a job of this window ends. */
export function whenEnded(call: OnEnd): void {
  onEnd.add(call);
}

const onCrash = new Set<() => void>();

/** Calls when a job begins anew because the process died in which it ran. */
export function whenCrashed(call: () => void): void {
  onCrash.add(call);
}

/** Connects, and keeps what is known up to date. Returns what connects at once after a loss. */
export function follow(): () => void {
  window.setInterval(() => runningJob(runs.get()) && refresh(), TICK);
  return connect({
    opened() {
      runs.set((state) => ({ ...state, connection: "open" }));
      void resync();
      queueChanged();
    },
    lost: () => runs.set((state) => ({ ...state, connection: "lost" })),
    heard: receive,
    pictured: showPreview,
  });
}

function receive(message: Message): void {
  if (message.type === "status") {
    const remaining = Number(object(object(message.data.status as JsonObject).exec_info).queue_remaining);
    if (Number.isFinite(remaining)) runs.set((state) => ({ ...state, remaining }));
    return queueChanged();
  }
  const id = message.data.prompt_id;
  if (typeof id !== "string") return;
  if (message.type === "execution_start") started(id);
  else if (!runs.get().jobs.has(id)) void look(id);
  change(id, (job) => fold(job, message, Date.now()));
}

/** A job begins: its tab shows it from now on, with the pictures of the one before until it makes its own. */
function started(id: string): void {
  runs.set((state) => {
    const tab = state.tabs.get(id) ?? editor.get().active;
    const before = state.jobs.get(state.last.get(tab) ?? "")?.nodes ?? new Map();
    const job = { ...(state.jobs.get(id) ?? queued(id)), nodes: before };
    return place(state, job, tab);
  });
  void planOf(id);
}

function place(state: Runs, job: JobRun, tab: string): Runs {
  const jobs = new Map(state.jobs).set(job.id, job);
  const last = new Map(state.last).set(tab, job.id);
  return { ...state, jobs: trimmed(jobs, last), tabs: new Map(state.tabs).set(job.id, tab), last };
}

function trimmed(jobs: Map<string, JobRun>, last: ReadonlyMap<string, string>): Map<string, JobRun> {
  const shown = new Set(last.values());
  const over = [...jobs.values()].filter((job) => ENDED.has(job.phase) && !shown.has(job.id));
  for (const job of over.slice(0, Math.max(0, over.length - KEPT))) jobs.delete(job.id);
  return jobs;
}

function change(id: string, by: (job: JobRun) => JobRun): void {
  const before = runs.get().jobs.get(id);
  if (!before) return;
  const after = by(before);
  if (after === before) return;
  runs.set((state) => ({ ...state, jobs: new Map(state.jobs).set(id, after) }));
  if (ENDED.has(after.phase) && !ENDED.has(before.phase)) ended(after);
  releasePreviews();
}

function ended(job: JobRun): void {
  const tab = runs.get().tabs.get(job.id);
  learnFrom(job);
  if (job.phase === "error") void explain(job.id, tab);
  for (const call of onEnd) call(job, tab);
}

function learnFrom(job: JobRun): void {
  if (job.phase === "success") learned((paces) => learn(paces, job));
}

/** What a failed job says of its nodes stands in the list of problems until the next one. */
async function explain(id: string, tab: string | undefined): Promise<void> {
  const detail = await detailOf(id);
  if (tab === undefined || !detail) return;
  const known = runs.get().problems.get(tab) ?? [];
  setProblems(tab, [...known, ...failuresOf(object(detail.execution_error))]);
}

// --- asking ---

export async function detailOf(id: string): Promise<JsonObject | undefined> {
  const detail = await getJson(`jobs/${encodeURIComponent(id)}`).catch(() => undefined);
  return isObject(detail) ? detail : undefined;
}

function planned(detail: JsonObject): Map<NodeId, string> {
  const graph = object(object(detail.workflow).prompt);
  const { defs } = editor.get();
  const wrong = object(detail.node_errors);
  const outputs = Object.keys(graph).filter((id) => {
    const type = String(object(graph[id]).class_type);
    return defs.get(type)?.isOutput && !(id in wrong);
  });
  return plan(graph, targets.get(String(detail.id)) ?? outputs);
}

/** The outputs of jobs that were to run only to some nodes. */
export const targets = new Map<string, readonly NodeId[]>();

async function planOf(id: string): Promise<void> {
  const detail = await detailOf(id);
  if (!detail) return;
  know(id, planned(detail));
  if (number(detail.crashes) > 0) for (const call of onCrash) call();
}

/** A quick job may be over before its plan comes: then it teaches only now. */
function know(id: string, plan: JobRun["plan"]): void {
  const before = runs.get().jobs.get(id);
  if (!before) return;
  const job = { ...before, plan };
  change(id, () => job);
  if (!before.plan.size) learnFrom(job);
}

/** Takes in all that the server knows of one job. */
export async function look(id: string, tab?: string): Promise<void> {
  const detail = await detailOf(id);
  if (!detail) return;
  const found = fromDetail(detail, planned(detail), Date.now());
  const { jobs, last, tabs } = runs.get();
  const before = jobs.get(id);
  const owner = tab ?? tabs.get(id) ?? editor.get().active;
  if (before && ENDED.has(before.phase)) {
    know(id, found.plan); // the rest was heard, in more detail
    return runs.set((state) => place(state, state.jobs.get(id) ?? found, owner));
  }
  const told = withPictures(found, (before ?? jobs.get(last.get(owner) ?? ""))?.nodes);
  if (told.phase === "pending") {
    runs.set((state) => ({
      ...state,
      jobs: new Map(state.jobs).set(id, told),
      tabs: new Map(state.tabs).set(id, owner),
    }));
    return;
  }
  runs.set((state) => place(state, told, owner));
  if (before && ENDED.has(told.phase)) ended(told);
}

/** After a loss or a reload: what this window queued may have begun or ended meanwhile. */
async function resync(): Promise<void> {
  const mine = `jobs?status=in_progress,pending&client_id=${clientId()}`;
  const answer = object(await getJson(mine).catch(() => null));
  const waiting = list(answer.jobs).map((job) => String(object(job).id));
  const open = [...runs.get().jobs.values()].filter((job) => !ENDED.has(job.phase)).map((job) => job.id);
  for (const id of new Set([...open, ...waiting.reverse()])) await look(id);
}

// --- pictures of work in progress ---

const previews = new Set<string>();

function showPreview(data: Message["data"], image: Blob): void {
  const id = typeof data.prompt_id === "string" ? data.prompt_id : runningJob(runs.get())?.id;
  if (id === undefined) return;
  const url = URL.createObjectURL(image);
  previews.add(url);
  change(id, (job) => fold(job, { type: "preview", data: { ...data, prompt_id: id, url } }, Date.now()));
}

/** Frees the pictures that no node shows any more, after the page has drawn the newer ones. */
function releasePreviews(): void {
  if (!previews.size) return;
  const shown = new Set([...runs.get().jobs.values()].flatMap((job) => [...job.nodes.values()].map((n) => n.preview)));
  for (const url of previews) {
    if (shown.has(url)) continue;
    previews.delete(url);
    window.setTimeout(() => URL.revokeObjectURL(url), 1_000);
  }
}
