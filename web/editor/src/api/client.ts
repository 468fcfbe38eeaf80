/** Questions to the server whose answers have the types that it says itself (`schema.gen.ts`, by `npm run types`). */

import { parseJson, printJson } from "../model/jsontext";
import type { Json } from "../model/types";
import { ask } from "../run/server";
import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];

type Method = "get" | "post" | "delete";
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
/** The routes that have a method. */
export type Route<M extends Method> = { [P in keyof paths]: Operation<P, M> extends never ? never : P }[keyof paths];

type Content<R> = R extends { content: infer C }
  ? "application/json" extends keyof C
    ? C["application/json"]
    : null
  : null;
type Good = 200 | 201 | 202 | 204;
type Answers<O> = O extends { responses: infer R } ? { [S in keyof R & Good]: Content<R[S]> }[keyof R & Good] : never;
export type Answer<P extends keyof paths, M extends Method> = Answers<Operation<P, M>>;

type Asked<O, Part extends "path" | "query"> = O extends { parameters: infer A }
  ? Part extends keyof A
    ? NonNullable<A[Part]>
    : never
  : never;
type Body<O> = O extends { requestBody?: { content: infer C } }
  ? "application/json" extends keyof C
    ? C["application/json"]
    : never
  : never;

export interface Request<P extends keyof paths, M extends Method> {
  /** What stands for `{name}` in the route. */
  readonly path?: Asked<Operation<P, M>, "path">;
  readonly query?: Asked<Operation<P, M>, "query">;
  readonly body?: Body<Operation<P, M>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Asks, and gives the JSON of the answer; null where it has none. Throws `Refused` if the server says no. */
export async function call<M extends Method, P extends Route<M>>(
  method: M,
  route: P,
  request: Request<P, M> = {},
): Promise<Answer<P, M>> {
  const { body, headers, signal } = request;
  const answer = await ask(filled(route, request.path, request.query), {
    method: method.toUpperCase(),
    headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: printJson(body as Json) }),
    ...(signal ? { signal } : {}),
  });
  const text = await answer.text();
  return (text && /json/.test(answer.headers.get("Content-Type") ?? "") ? parseJson(text) : null) as Answer<P, M>;
}

/** A route with its names filled in, one segment each, and the query behind it. */
export function filled(route: string, path: object = {}, query: object = {}): string {
  const names = new Map<string, unknown>(Object.entries(path));
  const place = route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(names.get(name))));
  const wanted = Object.entries(query).filter(([, value]) => value !== undefined) as [string, unknown][];
  const text = new URLSearchParams(wanted.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${place}?${text}` : place;
}
