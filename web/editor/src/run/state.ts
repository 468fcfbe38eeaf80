/** The jobs of this window, and what of them the tab that is shown sees. */

import { editor } from "../app/editor";
import { createStore, type Store } from "../app/store";
import { estimate, type Paces } from "./estimate";
import { keep, kept } from "./session";
import type { JobRun, NodeProblem, NodeRuns, RunState } from "./types";

export interface Runs {
  readonly connection: RunState["connection"];
  readonly remaining: number;
  readonly jobs: ReadonlyMap<string, JobRun>;
  /** The tab that each job is of. */
  readonly tabs: ReadonlyMap<string, string>;
  /** The job of each tab that began last. */
  readonly last: ReadonlyMap<string, string>;
  /** By tab. */
  readonly problems: ReadonlyMap<string, readonly NodeProblem[]>;
}

const NOTHING: Runs = {
  connection: "connecting",
  remaining: 0,
  jobs: new Map(),
  tabs: new Map(),
  last: new Map(),
  problems: new Map(),
};
const NO_NODES: NodeRuns = new Map();
const NO_PROBLEMS: readonly NodeProblem[] = [];

export const runs: Store<Runs> = createStore(NOTHING);
export const run: Store<RunState> = createStore<RunState>(view(NOTHING, "", undefined));

let paces = kept<Paces>("paces", {});

export function learned(change: (paces: Paces) => Paces): void {
  paces = change(paces);
  keep("paces", paces);
}

/** The job of this window that runs. */
export function runningJob(state: Runs): JobRun | undefined {
  return [...state.jobs.values()].find((job) => job.phase === "running");
}

function view(state: Runs, tab: string, job: JobRun | undefined): RunState {
  const shown = state.jobs.get(state.last.get(tab) ?? "");
  return {
    connection: state.connection,
    remaining: state.remaining,
    nodes: shown?.nodes ?? NO_NODES,
    problems: state.problems.get(tab) ?? NO_PROBLEMS,
    ...(job ? { job: job.id, ...estimate(job, paces, Date.now()) } : {}),
  };
}

/** Shows what is known now; also called every half second while a job runs, since the time left goes down. */
export function refresh(): void {
  const state = runs.get();
  const job = runningJob(state);
  const next = view(state, editor.get().active, job);
  if (job && next.overall !== undefined && next.overall > job.shown) {
    const jobs = new Map(state.jobs).set(job.id, { ...job, shown: next.overall });
    runs.set((now) => (now === state ? { ...now, jobs } : now));
  }
  run.set((before) => (same(before, next) ? before : next));
}

function same(a: RunState, b: RunState): boolean {
  const keys = ["connection", "remaining", "job", "nodes", "problems", "overall", "secondsLeft"] as const;
  return keys.every((key) => Object.is(a[key], b[key]));
}

let shownTab = "";
runs.subscribe(refresh);
editor.subscribe(() => {
  if (editor.get().active === shownTab) return;
  shownTab = editor.get().active;
  refresh();
});

export function setProblems(tab: string, found: readonly NodeProblem[]): void {
  runs.set((state) => ({ ...state, problems: new Map(state.problems).set(tab, found) }));
}
