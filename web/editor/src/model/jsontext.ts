/** JSON as text, with what files have that JSON.parse cannot keep: whole numbers of 64 bits, and NaN. */

import type { Json } from "./types";

const MARK = "\u0001int:";
const UNUSUAL = /\d{16}|NaN|Infinity/;
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity/g;

/** Throws SyntaxError, as JSON.parse does. NaN and infinities, which no widget can hold, become null. */
export function parseJson(text: string): Json {
  if (!UNUSUAL.test(text)) return JSON.parse(text) as Json;
  const marked = text.replace(TOKENS, (token) => {
    if (token.startsWith('"')) return token;
    if (/[Ny]$/.test(token)) return "null";
    return /^-?\d+$/.test(token) && String(Number(token)) !== token ? JSON.stringify(MARK + token) : token;
  });
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  ) as Json;
}

export function printJson(value: Json, indent?: number): string {
  const mark = (_: string, inner: unknown) => (typeof inner === "bigint" ? MARK + inner.toString() : inner);
  return JSON.stringify(value, mark, indent).replace(/"\\u0001int:(-?\d+)"/g, "$1");
}
