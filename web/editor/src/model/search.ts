/** Finding a node type: by name, category, socket or other names, best first. */

import { scoreWord } from "./fuzzy";
import type { Defs, NodeDef } from "./nodes";

/** A loose end: what the new node has to take (`input`) or to give (`output`). */
export interface Wanted {
  readonly type: string;
  readonly side: "input" | "output";
}

export interface Query {
  readonly text: string;
  readonly wanted?: Wanted;
  /** Node types, the latest first. */
  readonly recent?: readonly string[];
  /** Beside the server's: the subgraphs of the document. */
  readonly more?: readonly NodeDef[];
}

export interface Hit {
  readonly def: NodeDef;
  readonly score: number;
}

/** What usually comes next, so that it need not be typed. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  "input MODEL": ["KSampler", "LoraLoader", "LoraLoaderModelOnly", "KSamplerAdvanced"],
  "input CLIP": ["CLIPTextEncode", "LoraLoader", "CLIPSetLastLayer"],
  "input VAE": ["VAEDecode", "VAEEncode", "VAEEncodeForInpaint"],
  "input CONDITIONING": ["KSampler", "ConditioningCombine", "ControlNetApplyAdvanced", "ConditioningSetArea"],
  "input LATENT": ["KSampler", "VAEDecode", "LatentUpscale", "LatentUpscaleBy"],
  "input IMAGE": ["SaveImage", "PreviewImage", "ImageScale", "VAEEncode"],
  "input MASK": ["VAEEncodeForInpaint", "SetLatentNoiseMask", "MaskToImage"],
  "input CONTROL_NET": ["ControlNetApplyAdvanced", "ControlNetApply"],
  "output MODEL": ["CheckpointLoaderSimple", "LoraLoader", "UNETLoader"],
  "output CLIP": ["CheckpointLoaderSimple", "CLIPLoader", "LoraLoader"],
  "output VAE": ["CheckpointLoaderSimple", "VAELoader"],
  "output CONDITIONING": ["CLIPTextEncode", "ConditioningCombine"],
  "output LATENT": ["EmptyLatentImage", "KSampler", "VAEEncode"],
  "output IMAGE": ["LoadImage", "VAEDecode"],
  "output MASK": ["LoadImage", "LoadImageMask", "ImageToMask"],
};

/** What graphs are mostly made of, in the order in which they are built; the nodes to begin with where nothing is asked. */
const COMMON: readonly string[] = [
  ..."CheckpointLoaderSimple CLIPTextEncode EmptyLatentImage KSampler VAEDecode SaveImage PreviewImage".split(" "),
  ..."LoadImage VAEEncode LoraLoader ControlNetLoader ControlNetApplyAdvanced ImageScale LatentUpscaleBy".split(" "),
  ..."UpscaleModelLoader ImageUpscaleWithModel VAEEncodeForInpaint KSamplerAdvanced VAELoader".split(" "),
  ..."UNETLoader CLIPLoader DualCLIPLoader CLIPVisionLoader MarkdownNote PrimitiveNode Reroute".split(" "),
];

const WEIGHTS = { name: 1, alias: 0.9, category: 0.6, socket: 0.5 };
const RECENT = 30;
const OLD = 60;
const TESTED = 30; // its category says that it is for testing
const BEGINNING = 10;

interface Entry {
  readonly def: NodeDef;
  readonly fields: readonly (readonly [text: string, weight: number])[];
}

const indexes = new WeakMap<Defs, Entry[]>();

export function searchNodes(defs: Defs, query: Query): Hit[] {
  const words = query.text.toLowerCase().split(/\s+/).filter(Boolean);
  const entries = [...index(defs), ...(query.more ?? []).map(entryOf)];
  const hits = entries.flatMap(({ def, fields }): Hit[] => {
    const fit = query.wanted ? fitness(def, query.wanted) : 0;
    if (query.wanted && !fit) return [];
    const found = scoreWords(words, fields);
    return found === undefined ? [] : [{ def, score: found + fit + extra(def, query, words.length > 0) }];
  });
  return hits.sort((a, b) => b.score - a.score || compare(a.def, b.def));
}

function index(defs: Defs): Entry[] {
  const known = indexes.get(defs) ?? [...defs.values()].map(entryOf);
  indexes.set(defs, known);
  return known;
}

function entryOf(def: NodeDef): Entry {
  const called = def.english ? [def, def.english] : [def];
  const titles = called.map(({ title }) => title.toLowerCase());
  const names = [...titles, ...titles.map((title) => title.replace(/\s+/g, "")), def.type.toLowerCase()];
  const sockets = [...def.inputs, ...def.outputs].map((socket) => socket.type.toLowerCase());
  return {
    def,
    fields: [
      ...[...new Set(names)].map((name) => [name, WEIGHTS.name] as const),
      ...def.aliases.map((alias) => [alias.toLowerCase(), WEIGHTS.alias] as const),
      ...called.map(({ category }) => [category.toLowerCase(), WEIGHTS.category] as const),
      ...[...new Set(sockets)].map((type) => [type, WEIGHTS.socket] as const),
    ],
  };
}

/** Every word has to be somewhere; each counts where it fits best. */
function scoreWords(words: readonly string[], fields: Entry["fields"]): number | undefined {
  let total = 0;
  for (const word of words) {
    const best = Math.max(...fields.map(([text, weight]) => weight * scoreWord(word, text)));
    if (best <= 0) return undefined;
    total += best;
  }
  return total;
}

function extra(def: NodeDef, { recent, wanted }: Query, typed: boolean): number {
  const place = recent?.indexOf(def.type) ?? -1;
  const usual = wanted ? (USUAL[`${wanted.side} ${wanted.type}`] ?? []) : [];
  const rank = usual.indexOf(def.type);
  const lately = place < 0 ? 0 : RECENT / (1 + place / 8);
  const fits = rank < 0 ? 0 : 20 - rank;
  const common = COMMON.indexOf(def.type);
  const begins = wanted || common < 0 ? 0 : BEGINNING * (1 - common / COMMON.length);
  const tested = !typed && (def.english ?? def).category.startsWith("_") ? TESTED : 0;
  // what was typed decides; habit only between equals
  return (
    (lately + fits + begins) * (typed ? 0.3 : 1) - tested - (def.deprecated ? OLD : 0) - (def.experimental ? 2 : 0)
  );
}

/** How well a node takes or gives a type; 0: not at all. */
export function fitness(def: NodeDef, { type, side }: Wanted): number {
  if (side === "output") return Math.max(0, ...def.outputs.map((output) => match(output.type, type)));
  return Math.max(
    0,
    ...def.inputs.map((input) => {
      if (input.socketless) return 0;
      const quality = match(type, input.type);
      return input.widget ? quality * 0.4 : input.optional ? quality * 0.8 : quality;
    }),
  );
}

function match(given: string, taken: string): number {
  if (given === taken && given !== "*") return 10;
  if (given === "*" || taken === "*") return 3;
  const types = new Set(given.split(",").map((one) => one.trim()));
  return taken.split(",").some((one) => types.has(one.trim())) ? 8 : 0;
}

function compare(a: NodeDef, b: NodeDef): number {
  return a.category.localeCompare(b.category) || a.title.localeCompare(b.title);
}
