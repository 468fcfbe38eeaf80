/**
 * A document becomes an editor workflow.
 *
 * What a file said stays as it said it, to the letter, unless it means something else now: each field is written anew
 * only if reading the old one would not give what the document holds.
 */

import { key, object, same } from "./json";
import type { Defs } from "./nodes";
import { parseGroup, read } from "./read";
import { EMPTY } from "./types";
import type { Bend, BorderSlot, Definition, Document, Graph, Group, Json, JsonObject, Rect } from "./types";
import { writeLinks } from "./writelinks";
import { writeNodes } from "./writenodes";

type Version = Document["version"];
type Fields = Record<string, Json | undefined>;

/** What a writer needs beside the level: the document around it, what was there, and the form to write. */
export interface Writing {
  readonly doc: Document;
  readonly before: Document;
  readonly defs: Defs;
  readonly now: Graph;
  readonly was: Graph | undefined;
  /** Links as lists: version 0.4, at the root. */
  readonly lists: boolean;
}

export function write(doc: Document, defs: Defs, version: Version = doc.version): JsonObject {
  const before = doc.raw ? readBefore(doc.raw, defs) : EMPTY;
  const raw = doc.raw ?? NEW;
  const moved = version !== doc.version;
  const writing = { doc, before, defs, now: doc.root, was: doc.raw && before.root, lists: version !== 1 };
  return clean({
    ...raw,
    ...writeGraph(writing, moved),
    ...counters(writing, raw, version, moved),
    ...definitions(doc, before, defs),
    version: doc.raw && !moved ? raw.version : version,
    ...(moved ? { reroutes: undefined } : {}),
    ...bends(writing, version, moved),
  });
}

const NEW: JsonObject = { nodes: [], links: [], groups: [], config: {}, extra: {} };
const readings = new WeakMap<JsonObject, WeakMap<Defs, Document>>();

/** The file as it was read, once a file and set of definitions. */
function readBefore(raw: JsonObject, defs: Defs): Document {
  const known = readings.get(raw) ?? new WeakMap<Defs, Document>();
  readings.set(raw, known);
  const found = known.get(defs) ?? read(raw, defs);
  known.set(defs, found);
  return found;
}

function writeGraph(writing: Writing, moved: boolean): Fields {
  const { now, was } = writing;
  return {
    nodes: writeNodes(writing),
    links: writeLinks(writing, moved),
    ...(now.groups.length || !was || was.groups.length ? { groups: now.groups.map(writeGroup) } : {}),
  };
}

function counters({ now, was }: Writing, raw: JsonObject, version: Version, moved: boolean): Fields {
  if (was && !moved && now.lastNode === was.lastNode && now.lastLink === was.lastLink) return {};
  if (moved) return version === 0.4 ? { ...NUMBERS(now), state: undefined } : { ...NO_NUMBERS, state: state(now) };
  return {
    ...(version === 0.4 || "last_node_id" in raw ? NUMBERS(now) : {}),
    ...(version === 1 || "state" in raw ? { state: state(now) } : {}),
  };
}

const NUMBERS = (now: Graph): Fields => ({ last_node_id: now.lastNode, last_link_id: now.lastLink });
const NO_NUMBERS: Fields = { last_node_id: undefined, last_link_id: undefined };

function state(now: Graph): JsonObject {
  const last = (ids: Iterable<string>) => Math.max(0, ...[...ids].map(Number).filter(Number.isSafeInteger));
  return {
    ...object(now.raw?.state),
    lastGroupId: Math.max(last(now.groups.map((group) => group.id)), Number(object(now.raw?.state).lastGroupId ?? 0)),
    lastNodeId: now.lastNode,
    lastLinkId: now.lastLink,
    lastRerouteId: Math.max(last(now.bends.keys()), Number(object(now.raw?.state).lastRerouteId ?? 0)),
  };
}

/** The bends of links: in `extra` in 0.4, at the top in 1.0. */
function bends({ now, was }: Writing, version: Version, moved: boolean): Fields {
  const links = [...now.links.values()];
  const unchanged = was && same([...was.bends], [...now.bends]) && same(bent(was), bent(now));
  if ((unchanged && !moved) || (!was && !now.bends.size)) return {};
  const written = [...now.bends.values()].map((bend) => writeBend(bend, links, now));
  const extra: Fields = { ...object(now.raw?.extra), reroutes: undefined, linkExtensions: undefined };
  if (version === 1) return { extra: clean(extra), reroutes: written };
  if (!written.length) return { extra: clean(extra) };
  return { extra: clean({ ...extra, reroutes: written, linkExtensions: bent(now) }) };
}

function bent(graph: Graph): JsonObject[] {
  return [...graph.links.values()]
    .filter((link) => link.bend !== undefined)
    .map((link) => ({ id: storedId(link.id), parentId: storedId(link.bend!) }));
}

function writeBend(bend: Bend, links: readonly { id: string; bend?: string }[], graph: Graph): JsonObject {
  const through = links.filter((link) => passes(link.bend, bend.id, graph));
  return clean({
    ...bend.raw,
    id: storedId(bend.id, bend.raw?.id),
    parentId: bend.parent === undefined ? undefined : storedId(bend.parent),
    pos: bend.pos,
    linkIds: through.map((link) => storedId(link.id)),
  });
}

function passes(last: string | undefined, id: string, graph: Graph): boolean {
  const seen = new Set<string>();
  for (let at = last; at !== undefined && !seen.has(at); at = graph.bends.get(at)?.parent) {
    if (at === id) return true;
    seen.add(at);
  }
  return false;
}

/** A subgraph that nothing stands for any more is left out; one that the file had like this stays. */
function definitions(doc: Document, before: Document, defs: Defs): Fields {
  if (!doc.definitions.size && !before.definitions.size) return {};
  const [used, wereUsed] = [usedTypes(doc), usedTypes(before)];
  const kept = [...doc.definitions.values()].filter(
    ({ id }) => used.has(id) || (before.definitions.has(id) && !wereUsed.has(id)),
  );
  const subgraphs = kept.map((definition) => {
    const was = before.definitions.get(definition.id);
    return writeDefinition({ doc, before, defs, now: definition, was, lists: false }, definition, was);
  });
  return { definitions: { ...object(doc.raw?.definitions), subgraphs } };
}

function usedTypes(doc: Document): Set<string> {
  const found = new Set<string>();
  const visit = (graph: Graph) => {
    for (const { type } of graph.nodes.values()) {
      const inner = doc.definitions.get(type);
      if (!inner || found.has(type)) continue;
      found.add(type);
      visit(inner);
    }
  };
  visit(doc.root);
  return found;
}

function writeDefinition(writing: Writing, now: Definition, was: Definition | undefined): JsonObject {
  const raw = now.raw ?? NEW_DEFINITION;
  const changed = !was || now.lastNode !== was.lastNode || now.lastLink !== was.lastLink;
  return clean({
    ...raw,
    ...writeGraph(writing, false),
    id: now.id,
    name: now.name,
    ...(changed ? { state: state(now) } : {}),
    inputs: now.inputs.map((slot, i) => writeBorder(slot, linksOf(now, "-10", i), linksOf(was, "-10", i))),
    outputs: now.outputs.map((slot, i) => writeBorder(slot, linksOf(now, "-20", i), linksOf(was, "-20", i))),
    inputNode: writeBox(object(raw.inputNode), -10, now.inputsAt, was?.inputsAt),
    outputNode: writeBox(object(raw.outputNode), -20, now.outputsAt, was?.outputsAt),
    ...bends(writing, 1, false),
  });
}

const NEW_DEFINITION: JsonObject = { version: 1, revision: 0, config: {}, widgets: [], extra: {} };

function linksOf(graph: Graph | undefined, border: string, slot: number): Json[] {
  const end = border === "-10" ? (["from", "fromSlot"] as const) : (["to", "toSlot"] as const);
  const links = graph ? [...graph.links.values()] : [];
  return links.filter((link) => link[end[0]] === border && link[end[1]] === slot).map((link) => storedId(link.id));
}

function writeBorder(slot: BorderSlot, links: Json[], were: Json[]): JsonObject {
  const keep = slot.raw !== undefined && same(links, were);
  return clean({
    ...slot.raw,
    id: slot.id,
    name: slot.name,
    type: slot.type,
    label: slot.label,
    ...(keep ? {} : { linkIds: links }),
  });
}

function writeBox(raw: JsonObject, id: number, now: Rect, was: Rect | undefined): JsonObject {
  return was && same(now, was) ? raw : { ...raw, id: raw.id ?? id, bounding: now };
}

function writeGroup(group: Group, index: number): JsonObject {
  const { raw } = group;
  const was = raw && parseGroup(raw, index);
  const flags = clean({ ...object(raw?.flags), pinned: group.pinned });
  return clean({
    ...(raw ?? { font_size: 24 }),
    ...(group.id.startsWith("#") ? {} : { id: storedId(group.id, raw?.id) }),
    title: group.title === was?.title ? raw?.title : group.title,
    bounding: was && same(was.bounds, group.bounds) ? raw?.bounding : group.bounds,
    color: group.color === was?.color ? raw?.color : group.color,
    ...(was?.pinned === group.pinned ? {} : { flags }),
  });
}

/** An id in the form that the file has for it: numbers are numbers unless it says otherwise. */
export function storedId(id: string, stored?: Json): Json {
  if (stored !== undefined && stored !== null && key(stored) === id) return stored;
  return /^-?(0|[1-9]\d*)$/.test(id) && Number.isSafeInteger(Number(id)) ? Number(id) : id;
}

/** Without the keys that hold nothing. */
export function clean(fields: Fields): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The id of a node as links to it say it. */
export function storedNode(graph: Graph, id: string): Json {
  return storedId(id, graph.nodes.get(id)?.raw?.id);
}
