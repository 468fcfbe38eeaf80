/** The state of a job as the server tells it on being asked: after a reload, or when messages may have been missed. Pure. */

import { isObject, number, object, text } from "../model/json";
import type { Json, JsonObject, NodeId } from "../model/types";
import type { JobPhase, JobRun, NodeRun, NodeRuns } from "./types";

const PHASES: Readonly<Record<string, JobPhase>> = {
  pending: "pending",
  in_progress: "running",
  completed: "success",
  failed: "error",
  cancelled: "cancelled",
};
const STATES = ["running", "finished", "error"] as const;

/** detail: the answer of GET /jobs/ID. now: in milliseconds. */
export function fromDetail(detail: JsonObject, plan: ReadonlyMap<NodeId, string>, now: number): JobRun {
  const progress = object(detail.progress);
  const nodes = new Map(Object.entries(object(progress.nodes)).map(([id, told]) => [id, nodeRun(object(told))]));
  for (const [id, shown] of shownOutputs(detail)) nodes.set(id, { ...DONE, ...nodes.get(id), shown });
  const failure = object(detail.execution_error);
  const failed = text(failure.node_id);
  if (failed) nodes.set(failed, { ...DONE, state: "error", message: text(failure.exception_message) ?? "" });
  const running = [...nodes].filter(([, node]) => node.state === "running").map(([id]) => id);
  return {
    id: String(detail.id),
    phase: PHASES[text(detail.status) ?? ""] ?? "pending",
    nodes,
    since: new Map(running.map((id) => [id, now - elapsed(nodes.get(id)!.value, progress.rate)])),
    plan,
    shown: number(progress.overall),
    ...(typeof progress.remaining === "number" ? { told: { seconds: progress.remaining, at: now } } : {}),
    ...(text(detail.error) ? { error: text(detail.error)! } : {}),
  };
}

/** Milliseconds that a node has run, by the steps a second that it makes; the server tells no more. */
function elapsed(value: number, rate: Json | undefined): number {
  return typeof rate === "number" && rate > 0 ? (value / rate) * 1000 : 0;
}

/** A job that runs still shows what was made before, until it makes its own. */
export function withPictures(job: JobRun, before: NodeRuns = new Map()): JobRun {
  if (job.phase !== "running") return job;
  const nodes = new Map(job.nodes);
  for (const [id, { shown }] of before) {
    if (shown && !nodes.get(id)?.shown) nodes.set(id, { ...WAITING, ...nodes.get(id), shown });
  }
  return { ...job, nodes };
}

const WAITING: NodeRun = { state: "waiting", value: 0, max: 1 };
const DONE: NodeRun = { state: "finished", value: 1, max: 1 };

function nodeRun(told: JsonObject): NodeRun {
  return {
    state: STATES.find((state) => state === told.state) ?? "waiting",
    value: number(told.value),
    max: number(told.max, 1) || 1,
    ...(typeof told.seconds === "number" ? { seconds: told.seconds } : {}),
    cached: told.cached === true,
  };
}

/** What the nodes have to show, at the nodes of the graph that stand for them. */
function shownOutputs(detail: JsonObject): [NodeId, JsonObject][] {
  const meta = object(detail.execution_meta);
  return Object.entries(object(detail.outputs)).flatMap(([id, shown]) =>
    isObject(shown) ? [[text(object(meta[id]).display_node) ?? id, shown] as [NodeId, JsonObject]] : [],
  );
}
