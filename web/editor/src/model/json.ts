/** What is asked of JSON from anywhere: nothing in a file can be trusted to have the form that it should. */

import type { Json, JsonObject } from "./types";

const NOTHING: JsonObject = {};

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : NOTHING;
}

export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

export function objects(value: Json | undefined): JsonObject[] {
  return list(value).filter(isObject);
}

export function text(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function number(value: Json | undefined, otherwise = 0): number {
  if (typeof value === "number") return value;
  const read = typeof value === "string" && value.trim() ? Number(value) : NaN;
  return Number.isFinite(read) ? read : otherwise;
}

/** Ids and names come as numbers and as text; anything else is no name. */
export function key(value: Json | undefined): string {
  return typeof value === "object" && value !== null ? "" : String(value);
}

/** Positions and sizes come as lists and as objects with the keys 0, 1, ... */
export function numbers(value: Json | undefined, count: number): number[] | undefined {
  const parts = Array.isArray(value) ? (value as readonly Json[]) : isObject(value) ? Object.values(value) : [];
  if (parts.length < count) return undefined;
  return parts.slice(0, count).map((part) => number(part ?? null));
}

export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a).filter((k) => a[k] !== undefined);
  return keys.length === Object.keys(b).filter((k) => b[k] !== undefined).length && keys.every((k) => same(a[k], b[k]));
}
