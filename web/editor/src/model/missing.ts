/** What an opened workflow names that is not here: node types, and files that menus should list. */

import { defOf } from "./instances";
import { objects, text } from "./json";
import type { Defs, NodeDef } from "./nodes";
import { levels, type Document, type Graph, type LevelId, type Node, type NodeId } from "./types";
import { widgetsOf } from "./widgets";

export interface Spot {
  readonly level: LevelId;
  readonly node: NodeId;
}

export interface MissingType {
  readonly type: string;
  /** The pack that the file says it is from. */
  readonly pack?: string;
  readonly nodes: readonly Spot[];
  readonly nearest: readonly string[];
}

export interface MissingChoice extends Spot {
  readonly input: string;
  readonly value: string;
  readonly nearest: readonly string[];
  /** Where the file says that it can be had. */
  readonly url?: string;
  /** Whether it is the name of a file, or one of a fixed list. */
  readonly isFile: boolean;
}

export interface Missing {
  readonly types: readonly MissingType[];
  readonly choices: readonly MissingChoice[];
}

interface Found {
  readonly level: LevelId;
  readonly graph: Graph;
  readonly node: Node;
}

export function missing(doc: Document, defs: Defs): Missing {
  const all = levels(doc).flatMap(([level, graph]) =>
    [...graph.nodes.values()].map((node) => ({ level, graph, node })),
  );
  const unknown = new Map<string, Found[]>();
  for (const one of all) {
    if (defOf(doc, one.node, defs)) continue;
    unknown.set(one.node.type, [...(unknown.get(one.node.type) ?? []), one]);
  }
  const types = [...unknown].map(([type, found]) => missingType(type, found, defs));
  return { types, choices: all.flatMap(({ level, graph, node }) => missingChoices(doc, level, graph, node, defs)) };
}

function missingType(type: string, found: readonly Found[], defs: Defs): MissingType {
  const { properties } = found[0]!.node;
  const pack = text(properties.cnr_id) ?? text(properties.aux_id);
  return {
    type,
    ...(pack === undefined ? {} : { pack }),
    nodes: found.map(({ node, level }) => ({ node: node.id, level })),
    nearest: best(type, [...defs.keys()], (other) => (takesItsPlace(found[0]!, defs.get(other)!) ? FITS : 0)),
  };
}

/** The names of files, of menus that have a choice at all; a linked widget's value does not count. */
function missingChoices(doc: Document, level: LevelId, graph: Graph, node: Node, defs: Defs): MissingChoice[] {
  const def = defOf(doc, node, defs);
  if (!def || def.subgraph) return [];
  const linked = new Set(
    [...graph.links.values()].filter((l) => l.to === node.id).map((l) => node.inputs[l.toSlot]?.name),
  );
  return widgetsOf(def, node.values).flatMap(({ name, role, input }) => {
    const value = node.values[name];
    const menu =
      role === "value" && input.widget === "combo" && !("remote" in input.options) && !input.options.multi_select;
    if (!menu || typeof value !== "string" || !value || linked.has(name) || input.choices.includes(value)) return [];
    if (input.upload && / \[(input|output|temp)\]$/.test(value)) return []; // says itself where it is
    const isFile = /\.\w{2,12}$/.test(value);
    if (!input.choices.length && !isFile) return [];
    const url = objects(node.properties.models).find((model) => model.name === value.split(/[\\/]/).at(-1))?.url;
    return [
      {
        level,
        node: node.id,
        input: name,
        value,
        nearest: nearest(value, input.choices.map(String)),
        isFile,
        ...(typeof url === "string" ? { url } : {}),
      },
    ];
  });
}

const NEAREST = 3;
const FITS = 0.25;

/** Whether a node of the type has sockets for all that is linked. */
function takesItsPlace({ node, graph }: Found, { inputs, outputs }: NodeDef): boolean {
  const links = [...graph.links.values()];
  const into = links.filter((link) => link.to === node.id).map((link) => node.inputs[link.toSlot]?.type);
  const outOf = links.filter((link) => link.from === node.id).map((link) => node.outputs[link.fromSlot]?.type);
  const among = (sockets: readonly { readonly type: string }[]) => (wanted: string | undefined) =>
    sockets.some(({ type }) => type === wanted || wanted === "*");
  return into.length + outOf.length > 0 && into.every(among(inputs)) && outOf.every(among(outputs));
}

/** Names much like a name, the most alike first; a file in another folder is the same file. */
export function nearest(name: string, names: readonly string[]): string[] {
  return best(name, names, () => 0);
}

function best(name: string, names: readonly string[], extra: (other: string) => number): string[] {
  const wanted = pairs(base(name));
  return names
    .map((other) => ({ other, likeness: likeness(wanted, pairs(base(other))) + extra(other) }))
    .filter(({ likeness }) => likeness > 0.45)
    .sort((a, b) => b.likeness - a.likeness || a.other.localeCompare(b.other))
    .slice(0, NEAREST)
    .map(({ other }) => other);
}

function base(name: string): string {
  const file = name.split(/[\\/]/).at(-1)!;
  return file.replace(/\.(safetensors|ckpt|pt|pth|bin|sft|gguf)$/i, "").toLowerCase();
}

/** Pairs of letters, as Dice counts them: cheap, and order matters little in names of files. */
function pairs(name: string): Map<string, number> {
  const found = new Map<string, number>();
  const plain = ` ${name.replace(/[^\p{L}\p{N}]+/gu, " ").trim()} `;
  for (let i = 0; i + 1 < plain.length; i++) {
    const pair = plain.slice(i, i + 2);
    found.set(pair, (found.get(pair) ?? 0) + 1);
  }
  return found;
}

function likeness(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let both = 0;
  for (const [pair, count] of a) both += Math.min(count, b.get(pair) ?? 0);
  const size = (map: ReadonlyMap<string, number>) => [...map.values()].reduce((sum, count) => sum + count, 0);
  return (2 * both) / (size(a) + size(b));
}
