/** What the search of the canvas can add: every node type, and the subgraphs of the document. */

import { categoryName } from "../i18n";
import { contains } from "../model/instances";
import type { Defs, NodeDef } from "../model/nodes";
import { searchNodes } from "../model/search";
import { ROOT, type Definition, type Document, type LevelId } from "../model/types";
import type { Socket } from "./ui";

const KEPT = "mezzotint.recentNodes";
const MANY = 12;

interface Wish {
  readonly text: string;
  readonly recent: readonly string[];
  readonly ends?: readonly Socket[] | undefined;
}

/** The best first. Without a text: the recent ones, then all. */
export function find(defs: Defs, subgraphs: readonly NodeDef[], { text, recent, ends = [] }: Wish): NodeDef[] {
  const end = ends[0];
  const wanted = end && { type: end.type, side: end.side === "output" ? ("input" as const) : ("output" as const) };
  return searchNodes(defs, { text, recent, more: subgraphs, ...(wanted ? { wanted } : {}) }).map((hit) => hit.def);
}

/** The subgraphs that may be used at a level: none can be put into itself. */
export function subgraphsFor(doc: Document, at: LevelId): NodeDef[] {
  const fits = (d: Definition) => at === ROOT || (d.id !== at && !contains(doc, d, at, new Set()));
  return [...doc.definitions.values()].filter(fits).map(asDef);
}

function asDef(definition: Definition): NodeDef {
  const input = { optional: true, forced: false, socketless: false, advanced: false, hidden: false };
  const rest = { default: null, choices: [], controlled: false, options: {} };
  return {
    type: definition.id,
    title: definition.name,
    category: categoryName("subgraph"),
    description: "",
    inputs: definition.inputs.map(({ name, type }) => ({ name, type, ...input, ...rest })),
    outputs: definition.outputs.map(({ name, type }) => ({ name, type, list: false })),
    isOutput: false,
    deprecated: false,
    experimental: false,
    pack: "",
    subgraph: true,
    aliases: [],
  };
}

export function recentTypes(): string[] {
  try {
    const kept = JSON.parse(globalThis.localStorage?.getItem(KEPT) ?? "[]") as unknown;
    return Array.isArray(kept) ? kept.map(String) : [];
  } catch {
    return [];
  }
}

export function remember(type: string): void {
  const recent = [type, ...recentTypes().filter((other) => other !== type)].slice(0, MANY);
  globalThis.localStorage?.setItem(KEPT, JSON.stringify(recent));
}
