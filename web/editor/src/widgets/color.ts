/** Colours of inputs: text `#rrggbb`, or a whole number that is one. */

import type { Json } from "../model/types";

const BLACK = "#000000";

export function colorText(value: Json | undefined): string {
  if (typeof value === "string") return hex(value) ?? BLACK;
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? `#${clamp(number).toString(16).padStart(6, "0")}` : BLACK;
}

/** What typed text means; undefined if it is no colour. */
export function colorValue(typed: string, whole: boolean): Json | undefined {
  const found = hex(typed);
  return found && (whole ? parseInt(found.slice(1), 16) : found);
}

function hex(text: string): string | undefined {
  const digits = /^\s*(?:#|0x)?([0-9a-f]{6}|[0-9a-f]{3})\s*$/i.exec(text)?.[1]?.toLowerCase();
  if (!digits) return undefined;
  return `#${digits.length === 3 ? digits.replace(/./g, "$&$&") : digits}`;
}

function clamp(value: number): number {
  return Math.min(0xffffff, Math.max(0, Math.round(value)));
}
