/** The messages of the server, folded into the state of a job. Pure. */

import { isObject } from "../model/json";
import type { NodeId } from "../model/types";
import type { JobPhase, JobRun, Message, NodeRun, NodeRuns } from "./types";

type Data = Message["data"];
type Change = Partial<NodeRun>;

const NEW: NodeRun = { state: "waiting", value: 0, max: 1 };

/** A job that was just queued. before: what its tab showed, so that pictures stay until newer ones come. */
export function queued(id: string, before: NodeRuns = new Map()): JobRun {
  return { id, phase: "pending", nodes: before, since: new Map(), plan: new Map(), shown: 0 };
}

/** now: in milliseconds. Messages of other jobs change nothing. */
export function fold(job: JobRun, message: Message, now: number): JobRun {
  const { data } = message;
  if (data.prompt_id !== undefined && data.prompt_id !== job.id) return job;
  return HANDLERS[message.type]?.(job, data, now) ?? job;
}

type Handler = (job: JobRun, data: Data, now: number) => JobRun;

const HANDLERS: Readonly<Record<string, Handler>> = {
  execution_start: begin,
  execution_cached: cached,
  executing: (job, data, now) => (typeof data.node === "string" ? start(job, display(data), now) : over(job, now)),
  progress: (job, data) => put(job, String(data.node), { ...steps(data), state: "running" }),
  progress_state: states,
  preview: (job, data) => {
    const id = display(data);
    return job.nodes.get(id)?.state === "running" ? put(job, id, { preview: String(data.url) }) : job;
  },
  executed: (job, data) => put(job, display(data), isObject(data.output) ? { shown: data.output } : {}),
  execution_success: (job, _, now) => end(job, "success", now),
  execution_interrupted: (job, _, now) => end(job, "cancelled", now),
  execution_error: failed,
};

function begin(job: JobRun): JobRun {
  const kept = [...job.nodes].filter(([, node]) => node.shown);
  const nodes = new Map(kept.map(([id, { shown }]): [NodeId, NodeRun] => [id, { ...NEW, ...(shown && { shown }) }]));
  const { told: _, ...rest } = job;
  return { ...rest, phase: "running", nodes, since: new Map(), shown: 0 };
}

function put(job: JobRun, id: NodeId, change: Change): JobRun {
  const nodes = new Map(job.nodes);
  nodes.set(id, without({ ...NEW, ...nodes.get(id), ...change }));
  return { ...job, nodes };
}

/** A preview is of a running node only. */
function without(node: NodeRun): NodeRun {
  if (node.state === "running" || node.preview === undefined) return node;
  const { preview: _, ...rest } = node;
  return rest;
}

/** The standard tells only when a node starts: then those before it are over, unless the server says they run on. */
function start(job: JobRun, id: NodeId, now: number): JobRun {
  const ended = [...job.since.keys()].filter((other) => other !== id);
  const before = ended.reduce((so, other) => finish(so, other, now), job);
  if (before.since.has(id)) return before;
  const since = new Map(before.since).set(id, now);
  return put({ ...before, phase: "running", since }, id, { state: "running", value: 0, max: 1, cached: false });
}

function finish(job: JobRun, id: NodeId, now: number): JobRun {
  const began = job.since.get(id);
  const since = new Map(job.since);
  since.delete(id);
  const max = job.nodes.get(id)?.max ?? 1;
  const seconds = began === undefined ? {} : { seconds: (now - began) / 1000 };
  return put({ ...job, since }, id, { state: "finished", value: max, ...seconds });
}

/** Of thousands of nodes at once, so the maps are copied once. */
function cached(job: JobRun, data: Data): JobRun {
  const [nodes, since] = [new Map(job.nodes), new Map(job.since)];
  for (const id of texts(data.nodes)) {
    nodes.set(id, without({ ...NEW, ...nodes.get(id), state: "finished", value: 1, max: 1, seconds: 0, cached: true }));
    since.delete(id);
  }
  return { ...job, nodes, since };
}

function states(job: JobRun, data: Data, now: number): JobRun {
  const told = isObject(data.nodes) ? Object.values(data.nodes).filter(isObject) : [];
  return told.reduce((so, node) => state(so, node, now), job);
}

/** A node inside a graph that another node returned shows as that one, which runs until it says that it is over. */
function state(job: JobRun, told: Data, now: number): JobRun {
  const id = display(told);
  const inner = id !== told.node_id;
  if (told.state === "running") {
    const since = job.since.has(id) ? job.since : new Map(job.since).set(id, now);
    const again = job.nodes.get(id)?.state === "running" ? {} : { cached: false };
    return put({ ...job, since }, id, { ...again, ...steps(told), state: "running" });
  }
  if (inner || job.nodes.get(id)?.state === "error") return job;
  if (told.state === "error") return put(finish(job, id, now), id, { state: "error" });
  return job.nodes.get(id)?.state === "finished" ? job : finish(job, id, now);
}

function failed(job: JobRun, data: Data, now: number): JobRun {
  const message = String(data.exception_message ?? "");
  const others = Array.isArray(data.also_failed) ? data.also_failed.filter(isObject) : [];
  const all: Data[] = [data, ...others];
  const marked = all.reduce((so, one) => {
    const id = String(one.node_id ?? "");
    return id ? put(finish(so, id, now), id, { state: "error", message: String(one.exception_message ?? "") }) : so;
  }, job);
  return { ...end(marked, "error", now), error: message };
}

/** The last message of a job; how it ended was told before. */
function over(job: JobRun, now: number): JobRun {
  return job.phase === "running" ? end(job, "success", now) : job;
}

/** What still runs when a job ends did not finish, unless the job did. */
function end(job: JobRun, phase: JobPhase, now: number): JobRun {
  const done = phase === "success" ? [...job.since.keys()].reduce((so, id) => finish(so, id, now), job) : job;
  const nodes = new Map([...done.nodes].map(([id, node]): [NodeId, NodeRun] => [id, settled(node)]));
  return { ...done, phase, nodes, since: new Map(), shown: phase === "success" ? 1 : done.shown };
}

function settled(node: NodeRun): NodeRun {
  return node.state === "running" ? without({ ...node, state: "waiting", value: 0 }) : node;
}

function display(data: Data): NodeId {
  const id = data.display_node ?? data.display_node_id ?? data.node ?? data.node_id;
  return String(id ?? "");
}

function steps(data: Data): { value: number; max: number } {
  return { value: Number(data.value) || 0, max: Number(data.max) || 1 };
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
