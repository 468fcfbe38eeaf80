/**
 * Seed modes: what a widget holds next. They are rolled when a graph is submitted, before it is sent, so that the seed
 * that runs is the seed that is shown and saved.
 */

import { primitiveInput } from "./primitive";
import { defOf } from "./instances";
import { same } from "./json";
import { PRIMITIVE, type Defs, type InputDef } from "./nodes";
import { ACTIVE, levels, ROOT, type Definition, type Document, type Graph, type Json, type Node } from "./types";
import { CONTROL, defaultOf, widgetsOf } from "./widgets";

/** A number from 0 up to but without 1. */
export type Random = () => number;

/** Every reader of JSON can hold it exactly. */
const LARGEST = Number.MAX_SAFE_INTEGER;

/**
 * The same document if nothing rolls. ran: as it was submitted last; what is another value since then, because it was
 * typed, undone or opened, is meant as it is, and rolls only once it has run.
 */
export function rolled(doc: Document, defs: Defs, random: Random = Math.random, ran: Document = doc): Document {
  const used = usedLevels(doc);
  return levels(doc).reduce((now, [id, graph]) => {
    const before = id === ROOT ? ran.root : ran.definitions.get(id);
    const after = used.has(id) ? rolledGraph(now, graph, defs, random, before) : graph;
    if (after === graph) return now;
    if (id === ROOT) return { ...now, root: after };
    return { ...now, definitions: new Map(now.definitions).set(id, after as Definition) };
  }, doc);
}

function usedLevels(doc: Document): Set<string> {
  const found = new Set([ROOT]);
  for (const id of found) {
    const graph = id === ROOT ? doc.root : doc.definitions.get(id)!;
    for (const { type } of graph.nodes.values()) if (doc.definitions.has(type)) found.add(type);
  }
  return found;
}

function rolledGraph(doc: Document, graph: Graph, defs: Defs, random: Random, ran: Graph | undefined): Graph {
  const linked = new Set([...graph.links.values()].map((link) => `${link.to} ${link.toSlot}`));
  const nodes = new Map(graph.nodes);
  for (const node of graph.nodes.values()) {
    const after = rolledNode(doc, graph, node, defs, random, linked);
    if (after !== node) nodes.set(node.id, asMeant(node, after, ran?.nodes.get(node.id)));
  }
  return [...nodes.values()].every((node) => node === graph.nodes.get(node.id)) ? graph : { ...graph, nodes };
}

/** A node of which a value was changed after it ran is meant as it is. */
function asMeant(node: Node, after: Node, ran: Node | undefined): Node {
  const rolls = Object.keys(after.values).filter((name) => after.values[name] !== node.values[name]);
  return rolls.every((name) => same(node.values[name], ran?.values[name])) ? after : node;
}

/** A muted or bypassed node keeps its seed, and so does a widget that a link feeds. */
function rolledNode(
  doc: Document,
  graph: Graph,
  node: Node,
  defs: Defs,
  random: Random,
  linked: ReadonlySet<string>,
): Node {
  if (node.type === PRIMITIVE) return rolledPrimitive(doc, graph, node, defs, random);
  const def = node.mode === ACTIVE ? defOf(doc, node, defs) : undefined;
  const values: Record<string, Json> = {};
  for (const widget of def ? widgetsOf(def, node.values) : []) {
    if (widget.role !== "control") continue;
    const { input } = widget;
    const slot = node.inputs.findIndex((other) => other.name === input.name);
    if (linked.has(`${node.id} ${slot}`)) continue;
    const mode = node.values[widget.name] ?? defaultOf(widget);
    const filter = node.values[widget.name.replace(CONTROL, "control_filter_list")];
    const now = node.values[input.name] ?? input.default;
    const then = next(input, now, mode, random, filter);
    if (then !== now) values[input.name] = then;
  }
  return Object.keys(values).length ? { ...node, values: { ...node.values, ...values } } : node;
}

function rolledPrimitive(doc: Document, graph: Graph, node: Node, defs: Defs, random: Random): Node {
  const input = primitiveInput(doc, graph, node, defs);
  const now = node.values.value;
  if (!input || now === undefined) return node;
  const then = next(input, now, node.values[CONTROL] ?? "fixed", random, node.values.control_filter_list);
  return then === now ? node : { ...node, values: { ...node.values, value: then } };
}

/** What follows a value in a seed mode. */
export function next(input: InputDef, value: Json, mode: Json, random: Random = Math.random, filter?: Json): Json {
  if (input.type === "COMBO") return nextChoice(input.choices, value, mode, random, filter);
  return typeof value === "number" || typeof value === "bigint" ? nextNumber(input, value, mode, random) : value;
}

/** Any number between the bounds of an input. */
export function drawn({ type, options: { min, max } }: InputDef, random: Random = Math.random): number {
  return randomBetween(bound(min, 0), bound(max, LARGEST), type === "INT", random);
}

function nextNumber(input: InputDef, value: number | bigint, mode: Json, random: Random): Json {
  const { min, max } = input.options;
  const low = bound(min, 0);
  const step = input.type === "FLOAT" && typeof input.options.step === "number" ? input.options.step : 1;
  if (mode === "randomize") return drawn(input, random);
  const by = { increment: step, decrement: -step }[mode as string];
  if (by === undefined) return value;
  const then = typeof value === "bigint" ? shrunk(value + BigInt(by)) : shrunk(add(value, by));
  return then > maximum(max) ? value : then < low ? low : then;
}

function bound(value: Json | undefined, otherwise: number): number {
  return typeof value === "number" ? Math.max(-LARGEST, Math.min(LARGEST, value)) : otherwise;
}

function maximum(max: Json | undefined): number | bigint {
  return typeof max === "number" || typeof max === "bigint" ? max : Infinity;
}

/** Beyond what a double can count by one, as bigint. */
function add(value: number, by: number): number | bigint {
  const whole = Number.isInteger(value) && Number.isInteger(by);
  if (whole && !Number.isSafeInteger(value + by)) return BigInt(value) + BigInt(by);
  return Number((value + by).toPrecision(15));
}

function shrunk(value: number | bigint): number | bigint {
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function randomBetween(low: number, high: number, whole: boolean, random: Random): number {
  if (!whole) return Number((low + random() * (high - low)).toPrecision(6));
  // two draws: one has 52 bits or fewer, and a seed 53
  const share = random() + random() / 2 ** 32;
  return Math.min(high, low + Math.floor((share % 1) * (high - low + 1)));
}

function nextChoice(choices: readonly Json[], value: Json, mode: Json, random: Random, filter?: Json): Json {
  const list = filtered(choices, typeof filter === "string" ? filter : "");
  const at = list.indexOf(value);
  if (!list.length) return value;
  switch (mode) {
    case "increment":
      return list[Math.min(at + 1, list.length - 1)]!;
    case "increment-wrap":
      return list[(at + 1) % list.length]!;
    case "decrement":
      return list[Math.max(at - 1, 0)]!;
    case "randomize":
      return list[Math.floor(random() * list.length)]!;
    default:
      return value;
  }
}

/** A filter is a part of the choice, or a regular expression between slashes. */
function filtered(choices: readonly Json[], filter: string): readonly Json[] {
  const pattern = /^\/(.*)\/([a-z]*)$/.exec(filter);
  try {
    const test = pattern && new RegExp(pattern[1]!, pattern[2]);
    const fits = (choice: Json) =>
      test ? test.test(String(choice)) : String(choice).toLowerCase().includes(filter.toLowerCase());
    return filter ? choices.filter(fits) : choices;
  } catch {
    return choices; // half a pattern, while it is typed
  }
}
