/**
 * The document: an editor workflow as immutable data. No React, no DOM, and nothing here is ever changed in place,
 * so that undo is a list of documents and two documents are compared by reference.
 *
 * What a file says is kept beside what we read from it (`raw`), at every level, so that saving loses nothing.
 */

/** A whole number that a double cannot hold, such as a 64-bit seed, is a bigint (`json.ts` reads and prints them). */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** Ids are text here; the file's own form (number or text) is written back. */
export type NodeId = string;
export type LinkId = string;

/** Which graph of a document: `ROOT`, or the id of a subgraph definition. */
export type LevelId = string;
export const ROOT: LevelId = "";

/** The nodes that stand for the border of a subgraph: what comes in, what goes out. */
export const INPUTS: NodeId = "-10";
export const OUTPUTS: NodeId = "-20";

export type Point = readonly [x: number, y: number];
export type Size = readonly [width: number, height: number];
export type Rect = readonly [x: number, y: number, width: number, height: number];

export const ACTIVE = 0;
export const MUTED = 2;
export const BYPASSED = 4;

/** A socket of a node, as its file has it. */
export interface Slot {
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  /** The widget that this input belongs to: it may be linked instead of filled in. */
  readonly widget?: string;
  /** As the file has it; absent for a slot that only the node's definition has. */
  readonly raw?: JsonObject;
}

/** The values of the widgets by name, seed modes (`control_after_generate`) included. */
export type Values = Readonly<Record<string, Json>>;

export interface Flags {
  readonly collapsed?: boolean;
  readonly pinned?: boolean;
}

export interface Node {
  readonly id: NodeId;
  /** A node type of the server, one of ours (`Reroute`, `Note`, ...), or the id of a subgraph definition. */
  readonly type: string;
  readonly pos: Point;
  /** What the user made it; absent: as large as it needs. */
  readonly size?: Size;
  readonly mode: number;
  readonly flags: Flags;
  readonly title?: string;
  readonly color?: string;
  readonly bgcolor?: string;
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  readonly values: Values;
  readonly properties: JsonObject;
  readonly raw?: JsonObject;
}

/** A link leads from an output to an input; slots are indices into the nodes' own `outputs` and `inputs`. */
export interface Link {
  readonly id: LinkId;
  readonly from: NodeId;
  readonly fromSlot: number;
  readonly to: NodeId;
  readonly toSlot: number;
  readonly type: string;
  /** The last bend on its way, if it has any. */
  readonly bend?: string;
  readonly raw?: Json;
}

/** A bend of links on the canvas (the file calls it a reroute). It has no meaning for what runs. */
export interface Bend {
  readonly id: string;
  readonly pos: Point;
  /** The bend before it, nearer to the output. */
  readonly parent?: string;
  readonly raw?: JsonObject;
}

export interface Group {
  readonly id: string;
  readonly title: string;
  readonly bounds: Rect;
  readonly color?: string;
  readonly pinned?: boolean;
  readonly raw?: JsonObject;
}

/** One level: the root of a document, or the inside of a subgraph. Maps keep the order of the file. */
export interface Graph {
  readonly nodes: ReadonlyMap<NodeId, Node>;
  readonly links: ReadonlyMap<LinkId, Link>;
  readonly groups: readonly Group[];
  readonly bends: ReadonlyMap<string, Bend>;
  /** The highest numbers given so far: an id is never given twice. */
  readonly lastNode: number;
  readonly lastLink: number;
  readonly raw?: JsonObject;
}

/** A subgraph: drawn once, used by any number of nodes whose `type` is its id. */
export interface Definition extends Graph {
  readonly id: string;
  readonly name: string;
  readonly inputs: readonly BorderSlot[];
  readonly outputs: readonly BorderSlot[];
  readonly inputsAt: Rect;
  readonly outputsAt: Rect;
}

/** A slot of the border of a subgraph. */
export interface BorderSlot {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly label?: string;
  readonly raw?: JsonObject;
}

export interface Document {
  readonly root: Graph;
  readonly definitions: ReadonlyMap<string, Definition>;
  /** The form it is saved in: what it came as, 0.4 for a new one since everybody reads it. */
  readonly version: 0.4 | 1;
  readonly raw?: JsonObject;
}

const EMPTY_GRAPH: Graph = {
  nodes: new Map(),
  links: new Map(),
  groups: [],
  bends: new Map(),
  lastNode: 0,
  lastLink: 0,
};

export const EMPTY: Document = { root: EMPTY_GRAPH, definitions: new Map(), version: 0.4 };

export function level(doc: Document, id: LevelId): Graph {
  const found = id === ROOT ? doc.root : doc.definitions.get(id);
  if (!found) throw new Error(`the document has no subgraph ${id}`);
  return found;
}

/** All graphs of a document with their ids, the root first. */
export function levels(doc: Document): [LevelId, Graph][] {
  return [[ROOT, doc.root], ...doc.definitions];
}
