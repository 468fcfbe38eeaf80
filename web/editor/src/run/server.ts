/** Questions to the server. Addresses are relative to the page, so that it works behind a proxy's path too. */

import { isObject, object, text } from "../model/json";
import { parseJson as parse, printJson as print } from "../model/jsontext";
import type { Json, JsonObject } from "../model/types";

/** The server answered, but not with what was asked for. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly answer: JsonObject,
  ) {
    super(sayWhy(status, answer));
  }
}

function sayWhy(status: number, answer: JsonObject): string {
  const { error } = answer;
  if (typeof error === "string") return error;
  const said = text(object(error).message) || text(answer.message);
  const details = text(object(error).details);
  return [said || `HTTP ${status}`, details].filter(Boolean).join(": ");
}

export function address(path: string): string {
  return new URL(path.replace(/^\//, ""), window.document.baseURI).href;
}

export async function ask(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(address(path), init);
  if (response.ok) return response;
  const answer: unknown = await response.json().catch(() => ({}));
  throw new Refused(response.status, isObject(answer) ? answer : {});
}

export async function getJson(path: string): Promise<Json> {
  return parse(await (await ask(path)).text());
}

export async function postJson(path: string, body: Json): Promise<Json> {
  const headers = { "Content-Type": "application/json" };
  const answer = await (await ask(path, { method: "POST", headers, body: print(body) })).text();
  return answer ? parse(answer) : null;
}

/** How the server names a file. */
export interface FileName {
  readonly filename?: unknown;
  readonly subfolder?: unknown;
  readonly type?: unknown;
}

/** Where a file that a node made or was given can be seen. */
export function viewUrl(file: FileName, preview = false): string {
  const wanted = new URLSearchParams();
  for (const name of ["filename", "subfolder", "type"] as const)
    wanted.set(name, typeof file[name] === "string" ? file[name] : "");
  if (preview) wanted.set("preview", "webp;80");
  return address(`view?${wanted.toString()}`);
}
