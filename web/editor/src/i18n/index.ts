/**
 * Every text that people see, in every language, in one table of parts: a key is `PART.NAME`.
 *
 * A text stands beside its translation, so that none can be forgotten; `{name}` in it is filled in. Both the type of
 * `t` and a test know all keys.
 */

import { app } from "./app";
import { canvas } from "./canvas";
import { commands } from "./commands";
import { panels } from "./panels";
import { run } from "./run";
import { widgets } from "./widgets";

export type Language = "en" | "zh-CN";
export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", "zh-CN": "简体中文" };

/** English, then Simplified Chinese. */
export type Part = Readonly<Record<string, readonly [en: string, zh: string]>>;

export const TABLE = { app, canvas, commands, panels, run, widgets };

type Table = typeof TABLE;
export type Key = { [P in keyof Table & string]: `${P}.${keyof Table[P] & string}` }[keyof Table & string];
export type Filling = Readonly<Record<string, string | number>>;

let current: Language = "en";
const listeners = new Set<() => void>();

export function language(): Language {
  return current;
}

export function setLanguage(wanted: Language): void {
  if (wanted === current) return;
  current = wanted;
  listeners.forEach((listener) => listener());
}

/** Calls when the language changes; what it gives ends that. */
export function onLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What a browser asks for (`navigator.languages`): the first that we have. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    if (tag.toLowerCase().startsWith("zh")) return "zh-CN";
    if (tag.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

export function t(key: Key, filling: Filling = {}): string {
  const split = key.indexOf(".");
  const part: Part = TABLE[key.slice(0, split) as keyof Table];
  const pair = part[key.slice(split + 1)];
  if (!pair) return key;
  const text = current === "en" ? pair[0] : pair[1];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(filling[name] ?? whole));
}
