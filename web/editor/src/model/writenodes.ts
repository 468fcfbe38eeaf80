/** The nodes of one level, as their file has them where they are the same. */

import { readValues } from "./fit";
import { defOf, instancePlaces } from "./instances";
import { list, same } from "./json";
import { PRIMITIVE, type NodeDef } from "./nodes";
import { parseNode } from "./read";
import type { Definition, Graph, Json, JsonObject, Node, Slot } from "./types";
import { saved } from "./widgets";
import { clean, storedId, type Writing } from "./write";

type Fields = Record<string, Json | undefined>;

export function writeNodes(writing: Writing): JsonObject[] {
  const into = entering(writing.now);
  const wereInto = writing.was ? entering(writing.was) : new Map<string, string[]>();
  return [...writing.now.nodes.values()].map((node, order) => {
    const old = writing.was?.nodes.get(node.id);
    const before = old?.raw === node.raw ? old : undefined;
    const links: Ends = { now: into, was: before ? wereInto : undefined };
    return writeNode(writing, node, order, links);
  });
}

/** The ids of links by the end that they have there: `in NODE SLOT` or `out NODE SLOT`. */
function entering(graph: Graph): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (end: string, id: string) => found.set(end, [...(found.get(end) ?? []), id]);
  for (const link of graph.links.values()) {
    add(`in ${link.to} ${link.toSlot}`, link.id);
    add(`out ${link.from} ${link.fromSlot}`, link.id);
  }
  return found;
}

interface Ends {
  readonly now: ReadonlyMap<string, readonly string[]>;
  readonly was: ReadonlyMap<string, readonly string[]> | undefined;
}

function writeNode(writing: Writing, node: Node, order: number, links: Ends): JsonObject {
  const raw: JsonObject = node.raw ?? { order, flags: {} };
  const was = node.raw && parseNode(node.raw);
  const changed = (name: "pos" | "size" | "mode" | "flags" | "title" | "color" | "bgcolor" | "properties"): Fields =>
    was && same(was[name], node[name]) ? {} : { [name]: node[name] as Json | undefined };
  return clean({
    ...raw,
    id: storedId(node.id, raw.id),
    type: was?.type === node.type ? raw.type : node.type,
    ...changed("pos"),
    ...changed("size"),
    ...changed("mode"),
    ...changed("flags"),
    ...changed("title"),
    ...changed("color"),
    ...changed("bgcolor"),
    ...changed("properties"),
    ...slots(node, "inputs", links),
    ...slots(node, "outputs", links),
    ...values(writing, node),
  });
}

/** Slots beyond those of the file, which only the definition has, are written once one of them is linked. */
function slots(node: Node, side: "inputs" | "outputs", links: Ends): Fields {
  const [all, end] = [node[side], side === "inputs" ? "in" : "out"];
  const idsOf = (from: Ends["now"] | undefined, i: number) => from?.get(`${end} ${node.id} ${i}`) ?? [];
  const written = all.map((slot, i) => writeSlot(slot, side, idsOf(links.now, i), links.was && idsOf(links.was, i)));
  const count = list(node.raw?.[side]).length;
  const linked = all.some((slot, i) => !slot.raw && i >= count && idsOf(links.now, i).length > 0);
  if (!node.raw || linked) return { [side]: written };
  const shown = written.filter((_, i) => i < count || all[i]!.raw);
  return same(node.raw[side] ?? [], shown) ? {} : { [side]: shown };
}

function writeSlot(
  slot: Slot,
  side: "inputs" | "outputs",
  now: readonly string[],
  was: readonly string[] | undefined,
): JsonObject {
  const ids = now.map((id) => storedId(id));
  const link = side === "inputs" ? { link: ids[0] ?? null } : { links: ids };
  const { raw } = slot;
  if (!raw) {
    const widget = slot.widget === undefined ? {} : { widget: { name: slot.widget } };
    return clean({ name: slot.name, type: slot.type, label: slot.label, ...link, ...widget });
  }
  const renamed = raw.name !== undefined && raw.name !== slot.name ? { name: slot.name } : {};
  const label = raw.label === slot.label || slot.label === undefined ? {} : { label: slot.label };
  return clean({ ...raw, ...renamed, ...label, ...(same(now, was) ? {} : link) });
}

/** By position and by name; where the file's own still means the same, only the names are added. */
function values({ doc, defs }: Writing, node: Node): Fields {
  const def = defOf(doc, node, defs);
  const unchanged = node.raw && same(readValues(doc, node, defs), node.values);
  const definition = doc.definitions.get(node.type);
  if (definition && def) return unchanged ? {} : instanceValues(definition, node, def);
  if (node.type === PRIMITIVE || !def) {
    if (unchanged || !Object.keys(node.values).length) return {};
    return writeUnknown(node);
  }
  const written = saved(def, node.values);
  if (!written.positions.length && !Object.keys(written.named).length) return {};
  if (unchanged) return { widgets_values_named: named(node, written.named) };
  return { widgets_values: written.positions, widgets_values_named: written.named };
}

/** Nothing, or all: the standard's editor takes a null in the list for a value. */
function instanceValues(definition: Definition, node: Node, def: NodeDef): Fields {
  if (!Object.keys(node.values).length) return { widgets_values: [], widgets_values_named: undefined };
  const { named } = saved(def, node.values);
  const places = instancePlaces(definition, node, def);
  return { widgets_values: places.map((name) => named[name ?? ""] ?? null), widgets_values_named: node.values };
}

/** Names in the file that are not ours stay. */
function named(node: Node, ours: JsonObject): JsonObject {
  const theirs = node.raw?.widgets_values_named;
  return typeof theirs === "object" && theirs !== null && !Array.isArray(theirs) ? (theirs as JsonObject) : ours;
}

/** Values keep their order; nothing else is known of them. */
function writeUnknown(node: Node): Fields {
  const byName = !Array.isArray(node.raw?.widgets_values) && node.raw?.widgets_values !== undefined;
  return {
    widgets_values: byName ? node.values : Object.values(node.values),
    ...(byName ? {} : { widgets_values_named: node.values }),
  };
}
