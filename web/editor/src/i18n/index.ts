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

/** What the server names in English: node types, each part of a category, inputs and outputs. */
export interface Names {
  readonly nodes: Readonly<Record<string, string>>;
  readonly categories: Readonly<Record<string, string>>;
  readonly sockets: Readonly<Record<string, string>>;
}

let current: Language = "en";
let chinese: Names | undefined;
const listeners = new Set<() => void>();

export function language(): Language {
  return current;
}

export function setLanguage(wanted: Language): void {
  if (wanted === current) return;
  current = wanted;
  listeners.forEach((listener) => listener());
}

/** Fetches the names of the nodes in the language that was chosen, if it is not the server's. */
export async function loadNames(): Promise<void> {
  if (current === "en" || chinese) return;
  chinese = (await import("./names.zh")).NAMES;
  if (names()) listeners.forEach((listener) => listener());
}

function names(): Names | undefined {
  return current === "en" ? undefined : chinese;
}

/** Another value means other words: the language, and whether the names of the nodes are there in it. */
export function wording(): string {
  return `${current} ${names() ? "named" : ""}`;
}

export function isNamed(): boolean {
  return names() !== undefined;
}

/** Calls when the language changes, and when the names of the nodes have come; what it gives ends that. */
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

/** The title of a node type; the server's, where we know no other. */
export function nodeTitle(type: string, title: string): string {
  return entry(names()?.nodes, type) ?? title;
}

/** A path such as `latent/batch`, part by part. */
export function categoryName(path: string): string {
  const known = names()?.categories;
  return known ? path.replace(/[^/]+/g, (part) => entry(known, part) ?? part) : path;
}

/** An input or output: one that is counted, such as `image2`, is called like `image`. */
export function socketName(name: string): string {
  const known = names()?.sockets;
  const plain = name.toLowerCase();
  if (!known) return name;
  const [, before = plain, number = ""] = /^(.*?)(\d+)$/.exec(plain) ?? [];
  const numbered = entry(known, before);
  return entry(known, plain) ?? (numbered === undefined ? name : numbered + number);
}

function entry(known: Readonly<Record<string, string>> | undefined, name: string): string | undefined {
  return known && Object.hasOwn(known, name) ? known[name] : undefined;
}
