/** The rules of a number field: what its definition allows, how it steps, how it is shown. */

import { evaluate, type Amount } from "./arithmetic";
import type { InputDef } from "../model/nodes";
import type { Json } from "../model/types";

export interface Rules {
  readonly whole: boolean;
  readonly min: Amount;
  readonly max: Amount;
  readonly step: number;
  /** Typed values are rounded to multiples of it; 0: they are not. */
  readonly round: number;
}

/** The largest seed; JSON that was read as doubles has it one too large. */
const WORD = 2n ** 64n - 1n;
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

export function rulesOf(def: InputDef): Rules {
  const whole = def.widget === "int";
  const { min, max, step, round } = def.options;
  const steps = positive(step) ?? (whole ? 1 : 0.1);
  return {
    whole,
    min: amount(min) ?? -Infinity,
    max: (max === 2 ** 64 ? WORD : amount(max)) ?? Infinity,
    step: steps,
    round: whole ? steps : (positive(round) ?? 0),
  };
}

/** A number of a file or a definition; infinities are none. */
export function amount(value: Json | undefined): Amount | undefined {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function positive(value: Json | undefined): number | undefined {
  const found = Number(amount(value) ?? NaN);
  return found > 0 ? found : undefined;
}

/** What typed text means here; undefined if it is no number. */
export function parse(text: string, rules: Rules): Amount | undefined {
  const value = evaluate(text);
  return value === undefined ? undefined : allowed(value, rules);
}

/** The nearest value that the rules allow. */
export function allowed(value: Amount, rules: Rules): Amount {
  return rules.whole ? allowedWhole(value, rules) : allowedDouble(Number(value), rules);
}

function allowedWhole(value: Amount, rules: Rules): Amount {
  const within = bound(value, rules);
  if (typeof within === "number" && !Number.isFinite(within)) return 0;
  const start = typeof rules.min === "bigint" || Number.isFinite(rules.min) ? big(rules.min) : 0n;
  const step = BigInt(Math.max(1, Math.round(rules.step)));
  const over = mod(big(within) - start, step);
  const down = big(within) - over;
  const snapped = over * 2n >= step ? down + step : down;
  return plain(snapped > rules.max ? bound(big(within), rules) : snapped);
}

function allowedDouble(value: number, rules: Rules): number {
  const rounded = rules.round ? tidy(Math.round(value / rules.round) * rules.round, rules.round) : value;
  return Number(bound(rounded, rules));
}

function bound(value: Amount, { min, max }: Rules): Amount {
  if (value < min) return min;
  return value > max ? max : value;
}

/** So many steps up (or down) from a value; doubles stay on the decimals of value and step. */
export function stepped(value: Amount, steps: number, rules: Rules): Amount {
  if (!Number.isFinite(steps)) return allowed(value, rules);
  if (rules.whole) return allowed(big(value) + BigInt(Math.round(steps)) * BigInt(Math.round(rules.step) || 1), rules);
  const moved = Number(value) + steps * rules.step;
  return allowed(tidy(moved, rules.step, Number(value)), rules);
}

/** Without the dust of binary fractions: 0.1 + 0.2 is 0.3. */
function tidy(value: number, ...like: number[]): number {
  const places = Math.max(...like.map(decimals));
  return places > 12 ? value : Number(value.toFixed(places));
}

export function decimals(value: number): number {
  const [mantissa = "", exponent = "0"] = String(value).toLowerCase().split("e");
  return Math.max(0, (mantissa.split(".")[1]?.length ?? 0) - Number(exponent));
}

/** As text: nothing is lost, and a double has at least the decimals of its step. */
export function shown(value: Json | undefined, rules: Rules): string {
  const found = amount(value);
  if (found === undefined) return value === null || value === undefined ? "" : String(value);
  if (rules.whole || typeof found === "bigint") return String(found);
  const least = Math.min(decimals(rules.step), 3);
  return decimals(found) < least && Math.abs(found) < 1e15 ? found.toFixed(least) : String(found);
}

/** Where a value lies between its bounds, 0 to 1; undefined where a bar would say nothing. */
export function fraction(value: Json | undefined, { min, max }: Rules): number | undefined {
  const found = amount(value);
  const width = Number(max) - Number(min);
  if (found === undefined || !(width > 0) || width > 1e5) return undefined;
  return Math.min(1, Math.max(0, (Number(found) - Number(min)) / width));
}

/**
 * How many steps a pointer that moved so many pixels means. A wide range moves faster, so that 512 to 1,024 and
 * 0 to 1 both take a hand's breadth.
 */
export function dragSteps(pixels: number, rules: Rules, fine: boolean, coarse: boolean): number {
  const span = (Number(rules.max) - Number(rules.min)) / rules.step;
  const perStep = span <= 40 ? 8 : span <= 400 ? 3 : 2;
  const factor = coarse ? 10 : fine ? 0.1 : 1;
  return Math.trunc((pixels / perStep) * factor);
}

function big(value: Amount): bigint {
  return typeof value === "bigint" ? value : BigInt(Math.round(value));
}

function mod(a: bigint, b: bigint): bigint {
  return ((a % b) + b) % b;
}

/** A number again where a double holds it exactly: that is how files have it. */
function plain(value: Amount): Amount {
  return typeof value === "bigint" && value <= SAFE && value >= -SAFE ? Number(value) : value;
}
