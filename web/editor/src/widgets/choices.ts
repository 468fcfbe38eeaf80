/** The entries of a menu: as text, as lower case for the filter, and what is near to one that is gone. */

import type { Json } from "../model/types";
import { search } from "../model/fuzzy";

export function textOf(choice: Json | undefined): string {
  return choice === null || choice === undefined ? "" : String(choice);
}

const lowered = new WeakMap<readonly Json[], readonly string[]>();

/** Once a menu: a list of thousands is filtered at each key. */
export function lowerCase(choices: readonly Json[]): readonly string[] {
  const known = lowered.get(choices) ?? choices.map((choice) => textOf(choice).toLowerCase());
  lowered.set(choices, known);
  return known;
}

export function filtered(query: string, choices: readonly Json[]): number[] {
  return search(query, lowerCase(choices));
}

export function isMissing(value: Json | undefined, choices: readonly Json[]): boolean {
  return value !== undefined && value !== null && value !== "" && indexOf(value, choices) < 0;
}

export function indexOf(value: Json | undefined, choices: readonly Json[]): number {
  return choices.findIndex((choice) => choice === value || textOf(choice) === textOf(value));
}

/** The entry that is so many places on, around the ends. */
export function neighbour(value: Json | undefined, choices: readonly Json[], steps: number): Json | undefined {
  if (!choices.length) return undefined;
  const at = indexOf(value, choices);
  if (at < 0) return choices[0];
  return choices[(((at + steps) % choices.length) + choices.length) % choices.length];
}

/** A name with folders, in two parts: folders say little, and may be cut. */
export function splitPath(name: string): [folder: string, file: string] {
  const at = Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1;
  return [name.slice(0, at), name.slice(at)];
}

export interface Window {
  readonly first: number;
  readonly last: number;
}

const SPARE = 4;

/** Which rows of a list are to be drawn. */
export function windowOf(top: number, height: number, row: number, count: number): Window {
  const first = Math.max(0, Math.floor(top / row) - SPARE);
  return { first, last: Math.min(count, Math.ceil((top + height) / row) + SPARE) };
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly bottom: number;
  readonly width: number;
}

export interface Place {
  readonly left: number;
  readonly width: number;
  readonly maxHeight: number;
  readonly top?: number;
  readonly bottom?: number;
}

const EDGE = 8;

/** Where a list opens: under its field, or over it where there is more room. */
export function placeList(anchor: Box, view: { width: number; height: number }, wanted: number, least: number): Place {
  const width = Math.min(Math.max(anchor.width, least), view.width - 2 * EDGE);
  const left = Math.max(EDGE, Math.min(anchor.left, view.width - width - EDGE));
  const below = view.height - anchor.bottom - EDGE;
  const above = anchor.top - EDGE;
  if (below >= Math.min(wanted, 240) || below >= above) {
    return { left, width, top: anchor.bottom + 2, maxHeight: Math.min(wanted, below) };
  }
  return { left, width, bottom: view.height - anchor.top + 2, maxHeight: Math.min(wanted, above) };
}
