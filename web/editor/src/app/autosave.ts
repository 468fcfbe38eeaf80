/** The form in which open tabs are kept in the browser, so that a crash loses nothing. Pure. */

import { isObject, list, number, object, text } from "../model/json";
import type { Json, JsonObject } from "../model/types";

export interface KeptTab {
  readonly name: string;
  readonly path?: string;
  /** As a file has it. */
  readonly workflow: JsonObject;
  /** Not saved anywhere else. */
  readonly changed: boolean;
  /** The job that it showed. */
  readonly job?: string;
}

export interface KeptWindow {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly active: number;
  readonly tabs: readonly KeptTab[];
}

export const FORM = 1;
const OLD = 30 * 24 * 3600 * 1000;

export function pack(kept: KeptWindow): JsonObject {
  return { form: FORM, id: kept.id, at: kept.at, active: kept.active, tabs: kept.tabs as unknown as Json[] };
}

/** Reads anything; what is not of our making is nothing. */
export function unpack(value: unknown): KeptWindow | undefined {
  if (!isObject(value) || value.form !== FORM || !text(value.id)) return undefined;
  const tabs = list(value.tabs).flatMap(unpackTab);
  if (!tabs.length) return undefined;
  const active = Math.min(Math.max(number(value.active), 0), tabs.length - 1);
  return { id: String(value.id), at: number(value.at), active, tabs };
}

function unpackTab(value: Json): KeptTab[] {
  const { name, path, workflow, changed, job } = object(value);
  if (!isObject(workflow) || !Array.isArray(workflow.nodes)) return [];
  return [
    {
      name: text(name) || "?",
      ...(text(path) ? { path: text(path)! } : {}),
      workflow,
      changed: changed === true,
      ...(text(job) ? { job: text(job)! } : {}),
    },
  ];
}

/** What a window opens with: what it had itself, else what the window had that closed last; and what is too old. */
export function choose(
  kept: readonly KeptWindow[],
  own: string,
  alive: ReadonlySet<string>,
  now: number,
): { restore: KeptWindow | undefined; drop: string[] } {
  const mine = kept.find((one) => one.id === own);
  const dead = kept.filter((one) => one.id !== own && !alive.has(one.id)).sort((a, b) => b.at - a.at);
  const restore = mine ?? dead[0];
  const drop = dead.filter((one) => one === restore || now - one.at > OLD).map((one) => one.id);
  return { restore, drop };
}
