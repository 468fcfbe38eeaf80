/** The links of one level, as its file has them where they are the same. */

import { key, list } from "./json";
import type { Graph, Json, JsonObject, Link } from "./types";
import { clean, storedId, storedNode, type Writing } from "./write";

/** moved: the file is written in another version, so that nothing keeps its form. */
export function writeLinks({ now, was, lists }: Writing, moved: boolean): Json[] {
  const left = new Set(now.links.values());
  const byRaw = new Map([...left].map((link) => [link.raw, link]));
  const read = new Set([...(was?.links.values() ?? [])].map((link) => link.raw));
  const found: Json[] = [];
  for (const raw of list(was?.raw?.links)) {
    const link = byRaw.get(raw);
    if (link && left.delete(link)) found.push(writeLink(now, was, link, lists, moved));
    else if (!read.has(raw) && !moved && endsRemain(raw, now, was)) found.push(raw);
  }
  return [...found, ...[...left].map((link) => writeLink(now, was, link, lists, moved))];
}

/** A link that we could not make sense of stays in the file as long as what it names does. */
function endsRemain(raw: Json, now: Graph, was: Graph | undefined): boolean {
  const fields = Array.isArray(raw)
    ? [raw[1], raw[3]]
    : [(raw as JsonObject)?.origin_id, (raw as JsonObject)?.target_id];
  return fields.every((id) => !was?.nodes.has(key(id)) || now.nodes.has(key(id)));
}

function writeLink(graph: Graph, was: Graph | undefined, link: Link, lists: boolean, moved: boolean): Json {
  const old = was?.links.get(link.id);
  const kept = !moved && old && link.raw !== undefined && old.raw === link.raw && sameEnds(old, link);
  if (kept && (lists || old.bend === link.bend)) return link.raw!;
  const { raw } = link;
  const stored = Array.isArray(raw) ? (raw as readonly Json[])[0] : (raw as JsonObject | undefined)?.id;
  const [id, from, to] = [storedId(link.id, stored), storedNode(graph, link.from), storedNode(graph, link.to)];
  if (lists && !isRecord(raw, moved)) return [id, from, link.fromSlot, to, link.toSlot, link.type];
  return clean({
    ...(isRecord(raw, false) ? (raw as JsonObject) : {}),
    id,
    origin_id: from,
    origin_slot: link.fromSlot,
    target_id: to,
    target_slot: link.toSlot,
    type: link.type,
    parentId: link.bend === undefined ? undefined : storedId(link.bend),
  });
}

function isRecord(raw: Json | undefined, moved: boolean): boolean {
  return !moved && typeof raw === "object" && raw !== null && !Array.isArray(raw);
}

function sameEnds(a: Link, b: Link): boolean {
  return a.from === b.from && a.fromSlot === b.fromSlot && a.to === b.to && a.toSlot === b.toSlot && a.type === b.type;
}
