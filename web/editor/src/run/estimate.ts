/** How far a job is and how long it will still take, by the time that nodes of these types took before. Pure. */

import { isObject, list, object } from "../model/json";
import type { JsonObject, NodeId } from "../model/types";
import type { JobRun } from "./types";

/** Seconds by node type. */
export type Paces = Readonly<Record<string, number>>;

const WEIGHT = 0.3; // of the newest time in the average
const LEAST = 1e-3;
const MOST_TYPES = 500;

/** What the nodes of a finished job teach. */
export function learn(paces: Paces, job: JobRun): Paces {
  const found = { ...paces };
  for (const [id, node] of job.nodes) {
    const type = job.plan.get(id);
    if (!type || node.state !== "finished" || node.cached || node.seconds === undefined) continue;
    const before = found[type];
    if (before === undefined && Object.keys(found).length >= MOST_TYPES) continue;
    const seconds = before === undefined ? node.seconds : before + WEIGHT * (node.seconds - before);
    found[type] = Math.round(seconds * 1000) / 1000;
  }
  return found;
}

/** The nodes of an API graph that the outputs need, with their types. */
export function plan(graph: JsonObject, outputs: Iterable<NodeId>): Map<NodeId, string> {
  const found = new Map<NodeId, string>();
  const waiting = [...outputs];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const node = graph[id];
    if (found.has(id) || !isObject(node)) continue;
    found.set(id, String(node.class_type ?? ""));
    for (const input of Object.values(object(node.inputs))) {
      if (Array.isArray(input) && input.length === 2) waiting.push(String(list(input)[0]));
    }
  }
  return found;
}

export interface Estimate {
  readonly overall: number;
  readonly secondsLeft?: number;
}

/** now: in milliseconds. */
export function estimate(job: JobRun, paces: Paces, now: number): Estimate {
  const weights = weigh(job, paces);
  let [total, done] = [0, 0];
  for (const [id, weight] of weights) {
    total += weight;
    done += weight * part(job, id);
  }
  const overall = Math.max(job.shown, total > 0 ? Math.min(done / total, 1) : 0);
  const left = [...weights.keys()].map((id) => remaining(job, id, paces, now));
  const unknown = left.includes(undefined) && !counts(job);
  if (unknown || !left.length) return { overall, ...asTold(job, now) };
  return { overall, secondsLeft: left.reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0) };
}

/** A node that counts its steps says enough, even if those after it have never run. */
function counts({ nodes, since }: JobRun): boolean {
  return [...since.keys()].some((id) => (nodes.get(id)?.max ?? 0) > 1 && (nodes.get(id)?.value ?? 0) > 0);
}

function asTold({ told }: JobRun, now: number): { secondsLeft?: number } {
  return told ? { secondsLeft: Math.max(told.seconds - (now - told.at) / 1000, 0) } : {};
}

/** The seconds of each node that is computed; those of unknown types count as the mean of the others. */
function weigh(job: JobRun, paces: Paces): Map<NodeId, number> {
  const computed = [...job.plan].filter(([id]) => !job.nodes.get(id)?.cached);
  const known = computed.map(([, type]) => paces[type]).filter((seconds) => seconds !== undefined);
  const mean = known.length ? known.reduce((a, b) => a + b, 0) / known.length : 1;
  return new Map(computed.map(([id, type]) => [id, Math.max(paces[type] ?? mean, LEAST)]));
}

function part(job: JobRun, id: NodeId): number {
  const node = job.nodes.get(id);
  if (!node || node.state === "waiting") return 0;
  return node.state === "running" ? Math.min(node.value / node.max, 1) : 1;
}

/** Undefined: nothing is known of nodes of this type. */
function remaining(job: JobRun, id: NodeId, paces: Paces, now: number): number | undefined {
  const node = job.nodes.get(id);
  const expected = paces[job.plan.get(id) ?? ""];
  if (!node || node.state === "waiting") return expected;
  if (node.state !== "running") return 0;
  const elapsed = (now - (job.since.get(id) ?? now)) / 1000;
  if (node.max > 1 && node.value > 0 && elapsed > 0) return ((node.max - node.value) * elapsed) / node.value;
  return expected === undefined ? undefined : Math.max(expected - elapsed, 0);
}
