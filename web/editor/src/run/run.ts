/** Running the graph that is shown. */

import { activeTab, changeTab, edit, editor, tabOf, type Tab } from "../app/editor";
import { present } from "../model/history";
import { isObject, object } from "../model/json";
import { rolled } from "../model/seeds";
import type { Document, Json, JsonObject, NodeId } from "../model/types";
import { write } from "../model/write";
import { look, targets as targetsOf } from "./follow";
import { problemsOf } from "./problems";
import { postJson, Refused } from "./server";
import { clientId } from "./session";
import { standing } from "./stale";
import { runningJob, runs, setProblems } from "./state";
import type { NodeProblem } from "./types";

export { run } from "./state";
export type { NodeProblem, NodeRun, RunState } from "./types";

export interface QueueOptions {
  /** Before all that waits. */
  readonly front?: boolean;
  readonly count?: number;
  /** Run to these nodes only; ids as `runId` gives them. */
  readonly targets?: readonly NodeId[];
  /** Compute what is known, too. */
  readonly force?: boolean;
}

/** How previews are made, which the settings say. */
let preview: string | undefined;
export function choosePreview(method: string | undefined): void {
  preview = method;
}

/** What is told to people in words; the app sets it to a toast. */
type Tell = (what: "queued" | "refused" | "unreachable", detail: string) => void;
let tell: Tell = () => undefined;
export function whenTold(call: Tell): void {
  tell = call;
}

/** The documents that a queueing made by rolling seeds: they are no change that the user made. */
const byQueueing = new WeakSet<Document>();
export function isRolled(doc: Document): boolean {
  return byQueueing.has(doc);
}

/** Queues the graph of the shown tab, `count` times; the seed modes roll before each. */
export async function queue(options: QueueOptions = {}): Promise<void> {
  const { id } = activeTab();
  for (let i = 0; i < (options.count ?? 1); i++) {
    if (!(await queueOnce(id, options))) return;
  }
}

async function queueOnce(tab: string, options: QueueOptions): Promise<boolean> {
  const doc = roll(tab);
  if (!doc) return false;
  try {
    accepted(tab, doc, object(await postJson("prompt", request(tab, doc, options))), options);
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) tell("unreachable", "");
    else {
      told(tab, doc, problemsOf(error.answer));
      tell("refused", error.message);
    }
    return false;
  }
}

/** What each tab queued last. */
const ranOf = new Map<string, Document>();

/** A tab that comes back after a reload shows the job that it queued last: its seeds have run. */
export function hasRun(tab: string): void {
  const doc = editor.get().tabs.find((one) => one.id === tab);
  if (doc) ranOf.set(tab, present(doc.history));
}

/**
 * The seed that runs is the seed that is shown: the rolled document becomes the present one. What was opened or typed
 * runs as it is, once: so a picture's graph makes that picture again.
 */
function roll(id: string): Document | undefined {
  const tab = editor.get().tabs.find((one) => one.id === id);
  if (!tab) return undefined;
  const before = present(tab.history);
  const ran = ranOf.get(id);
  const after = ran ? rolled(before, editor.get().defs, Math.random, ran) : before;
  if (after === before) return before;
  byQueueing.add(after);
  if (editor.get().active === id) edit(() => after, "roll seeds");
  else changeTab(id, (shown: Tab) => ({ ...shown, history: { ...shown.history, present: after } }));
  return after;
}

function request(tab: string, doc: Document, options: QueueOptions): Json {
  const name = editor.get().tabs.find((one) => one.id === tab)?.name ?? "";
  const workflow = write(doc, editor.get().defs);
  const body: Record<string, Json> = { workflow, client_id: clientId(), extra_data: { workflow_name: name } };
  if (options.front) body.front = true;
  if (options.force) body.force = true;
  if (options.targets) body.partial_execution_targets = options.targets;
  if (preview) body.preview = preview;
  return body;
}

/** The problems of a document, for as long as it stays as it is where they are. */
function told(tab: string, doc: Document, problems: readonly NodeProblem[]): void {
  toldOf.set(tab, doc);
  setProblems(tab, problems);
}

const toldOf = new Map<string, Document>();

/** Called when the shown document has changed. */
export function forgetSolved(): void {
  const tab = tabOf(editor.get());
  const before = tab && toldOf.get(tab.id);
  const problems = tab && runs.get().problems.get(tab.id);
  if (!tab || !before || !problems?.length) return;
  const left = standing(problems, before, present(tab.history));
  if (left !== problems) setProblems(tab.id, left);
}

function accepted(tab: string, doc: Document, answer: JsonObject, options: QueueOptions): void {
  const id = String(answer.prompt_id);
  told(tab, doc, problemsOf(answer));
  ranOf.set(tab, doc);
  if (options.targets) targetsOf.set(id, options.targets);
  runs.set((state) => ({ ...state, tabs: new Map(state.tabs).set(id, tab) }));
  if (!runs.get().jobs.has(id)) void look(id, tab);
  if (isObject(answer.node_errors) && Object.keys(answer.node_errors).length) tell("refused", "");
  else tell("queued", id);
}

/** Ends the job of this window that runs, or else whatever runs. */
export async function interrupt(): Promise<void> {
  const job = runningJob(runs.get());
  await postJson("interrupt", job ? { prompt_id: job.id } : {}).catch(() => tell("unreachable", ""));
}
