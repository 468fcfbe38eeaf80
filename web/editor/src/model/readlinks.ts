/** The links of one level. The table of links is the authority, not what the slots say of themselves. */

import { isObject, key, list, object, objects } from "./json";
import { INPUTS, OUTPUTS, type Graph, type Json, type JsonObject, type Link, type Node, type Slot } from "./types";

type Links = Pick<Graph, "links" | "lastLink" | "nodes">;

/** Links of the other shape stay in the file and mean nothing, as for the server and the standard's editor. */
export function readLinks(graph: Graph, raw: JsonObject, lists: boolean): Links {
  const bends = bendsOfLinks(raw);
  const stored = list(raw.links).filter((link) => Array.isArray(link) === lists);
  const found = stored.flatMap((link) => parseLink(link, bends) ?? []);
  const ids = found.map((link) => Number(link.id)).filter(Number.isSafeInteger);
  const lastLink = ids.reduce((a, b) => Math.max(a, b), graph.lastLink);
  const sound = onePerSlot(
    found.filter((link) => isSound(link, graph)),
    graph,
  );
  return { nodes: graph.nodes, links: new Map(sound.map((link) => [link.id, link])), lastLink };
}

/** Version 0.4 writes `[id, from, slot, to, slot, type]` at the root, objects in subgraphs; 1.0 objects everywhere. */
function parseLink(raw: Json, bends: ReadonlyMap<string, string>): Link | undefined {
  const fields = Array.isArray(raw)
    ? (raw as readonly Json[])
    : ["id", "origin_id", "origin_slot", "target_id", "target_slot", "type"].map((name) => object(raw)[name] ?? null);
  const [id, from, fromSlot, to, toSlot, type] = fields;
  const slots = [fromSlot, toSlot].map((slot) => (slot === null || slot === undefined ? NaN : Number(slot)));
  if (fields.length < 5 || !slots.every((slot) => Number.isInteger(slot) && slot >= 0)) return undefined;
  const parent = isObject(raw) && raw.parentId != null ? key(raw.parentId) : bends.get(key(id));
  return {
    id: key(id),
    from: key(from),
    fromSlot: slots[0]!,
    to: key(to),
    toSlot: slots[1]!,
    type: typeof type === "string" ? type : "*",
    ...(parent === undefined ? {} : { bend: parent }),
    raw,
  };
}

function bendsOfLinks(raw: JsonObject): Map<string, string> {
  const extensions = objects(object(raw.extra).linkExtensions).filter((one) => one.parentId != null);
  return new Map(extensions.map((one) => [key(one.id), key(one.parentId)]));
}

function isSound(link: Link, { nodes }: Graph): boolean {
  return (nodes.has(link.from) || link.from === INPUTS) && (nodes.has(link.to) || link.to === OUTPUTS);
}

/** One link an input, one link an id. Of two for one input, the slot itself decides, if it names only one of them. */
function onePerSlot(links: readonly Link[], graph: Graph): Link[] {
  const bySlot = new Map<string, Link[]>();
  for (const link of links) bySlot.set(target(link), [...(bySlot.get(target(link)) ?? []), link]);
  const kept = new Set([...bySlot.values()].map((rivals) => chosen(rivals, graph.nodes.get(rivals[0]!.to))));
  const ids = new Set<string>();
  return links.filter((link) => kept.has(link) && !ids.has(link.id) && ids.add(link.id));
}

function target(link: Link): string {
  return `${link.to} ${link.toSlot}`;
}

function chosen(rivals: readonly Link[], node: Node | undefined): Link {
  const first = rivals[0]!;
  if (!node || rivals.length === 1) return first;
  const stored = node.inputs.map(storedLink);
  if (rivals.every((link) => stored.includes(link.id))) return first;
  return rivals.find((link) => link.id === stored[first.toSlot]) ?? first;
}

export function storedLink(slot: Slot): string | undefined {
  const link = slot.raw?.link;
  return link === null || link === undefined ? undefined : key(link);
}
