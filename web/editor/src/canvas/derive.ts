/**
 * What React Flow draws, derived from the document. Each thing derived is kept with what it came from, so that
 * one changed node gives one changed object, and only that one is drawn again.
 */

import type { Node as FlowNode } from "@xyflow/react";
import { t } from "../i18n";
import { TITLE } from "../model/geometry";
import { defOf } from "../model/instances";
import { REROUTE, type Defs, type NodeDef } from "../model/nodes";
import { shownDef } from "../model/primitive";
import { INPUTS, level, OUTPUTS } from "../model/types";
import type { BorderSlot, Definition, Document, Graph, Group, LevelId, Node, NodeId, Point } from "../model/types";
import { bendTypes, flowEdges, type AnyEdge } from "./deriveLinks";
import { slotMarks, type Marks } from "./marks";
import { shapeOf } from "./shape";
import { spoken } from "./spoken";
import { linkType } from "./wires";

export type NodeData = {
  readonly node: Node;
  /** Undefined: a type that nobody knows. */
  readonly def: NodeDef | undefined;
  /** The id under which the server speaks of it. */
  readonly runId: string;
  readonly isHost: boolean;
  /** Slots that have links. */
  readonly marks: Marks;
};
export type GroupData = { readonly group: Group };
export type BendData = { readonly id: string; readonly type: string };
export type BorderData = { readonly side: "in" | "out"; readonly slots: readonly BorderSlot[]; readonly marks: Marks };
export type RerouteData = { readonly node: Node; readonly type: string; readonly marks: Marks };

export type { AnyEdge } from "./deriveLinks";
export type AnyNode =
  | FlowNode<NodeData, "node">
  | FlowNode<RerouteData, "reroute">
  | FlowNode<GroupData, "group">
  | FlowNode<BendData, "bend">
  | FlowNode<BorderData, "border">;
export interface Measured {
  readonly width: number;
  readonly height: number;
}

export interface View {
  readonly doc: Document;
  readonly at: LevelId;
  readonly hosts: readonly NodeId[];
  readonly defs: Defs;
  readonly selection: ReadonlySet<string>;
  readonly measured: ReadonlyMap<string, Measured>;
}

export interface Derived {
  readonly nodes: AnyNode[];
  readonly edges: AnyEdge[];
}

/** Keeps what it gave last time, the lists too; one for each canvas. */
export function deriver(): (view: View) => Derived {
  let nodes = new Map<string, AnyNode>();
  let edges = new Map<string, AnyEdge>();
  let given: Derived = { nodes: [], edges: [] };
  return (view) => {
    const graph = level(view.doc, view.at);
    nodes = new Map(flowNodes(view, graph, nodes));
    const name = (id: NodeId) => nameOf(view, graph.nodes.get(id));
    edges = new Map(flowEdges({ graph, selection: view.selection, name }, edges));
    given = { nodes: listed(given.nodes, nodes), edges: listed(given.edges, edges) };
    return given;
  };
}

/** React Flow looks through a list that is not the one it had, however little is new in it. */
function listed<T>(before: T[], now: ReadonlyMap<string, T>): T[] {
  const list = [...now.values()];
  return list.length === before.length && list.every((one, i) => one === before[i]) ? before : list;
}

type Kept = ReadonlyMap<string, AnyNode>;

function* flowNodes(view: View, graph: Graph, kept: Kept): Generator<[string, AnyNode]> {
  const marks = slotMarks(graph);
  for (const group of graph.groups) yield keep(view, kept, groupNode(group));
  for (const border of borders(graph, marks)) yield keep(view, kept, border);
  for (const node of graph.nodes.values()) {
    yield keep(view, kept, node.type === REROUTE ? rerouteNode(graph, node, marks) : ordinary(view, node, marks));
  }
  const types = bendTypes(graph);
  for (const bend of graph.bends.values()) {
    const data = { id: bend.id, type: types.get(bend.id) ?? "*" };
    yield keep(view, kept, { id: `bend:${bend.id}`, type: "bend", data, position: place(bend.pos, 8, 8) });
  }
}

function place([x, y]: Point, left = 0, up = 0) {
  return { x: x - left, y: y - up };
}

function ordinary(view: View, node: Node, marks: ReadonlyMap<NodeId, Marks>): AnyNode {
  const data: NodeData = {
    node,
    def: definition(view, node),
    runId: [...view.hosts, node.id].join(":"),
    isHost: view.doc.definitions.has(node.type),
    marks: marks.get(node.id) ?? NO_MARKS,
  };
  const pinned = node.flags.pinned ? { draggable: false } : {};
  const aloud = { ariaLabel: nameOf(view, node), domAttributes: spoken("canvas.aNode") };
  return { id: node.id, type: "node", data, position: place(node.pos, 0, TITLE), ...aloud, ...pinned };
}

/** What a node is called aloud. */
function nameOf(view: View, node: Node | undefined): string {
  return (
    node?.title ?? view.doc.definitions.get(node?.type ?? "")?.name ?? view.defs.get(node?.type ?? "")?.title ?? ""
  );
}

const NO_MARKS: Marks = { inputs: "", outputs: "" };

function rerouteNode(graph: Graph, node: Node, marks: ReadonlyMap<NodeId, Marks>): AnyNode {
  const link = [...graph.links.values()].find((l) => l.to === node.id || (l.from === node.id && l.type !== "*"));
  const data = { node, type: link ? linkType(graph, link) : "*", marks: marks.get(node.id) ?? NO_MARKS };
  const aloud = { ariaLabel: t("canvas.reroute"), domAttributes: spoken("canvas.aNode") };
  return { id: node.id, type: "reroute", data, position: place(node.pos), ...aloud };
}

function groupNode(group: Group): AnyNode {
  const [x, y, width, height] = group.bounds;
  const id = `group:${group.id}`;
  const fixed = group.pinned ? { draggable: false } : {};
  const common = { zIndex: -2000, style: { width, height }, dragHandle: ".group-title", ...fixed };
  const aloud = { ariaLabel: group.title, domAttributes: spoken("canvas.aGroup") };
  return { id, type: "group", data: { group }, position: { x, y }, ...aloud, ...common };
}

function borders(graph: Graph, marks: ReadonlyMap<NodeId, Marks>): AnyNode[] {
  const definition = graph as Partial<Definition>;
  if (!definition.inputs || !definition.outputs) return [];
  const border = (id: NodeId, side: "in" | "out", slots: readonly BorderSlot[], at: readonly number[]): AnyNode => ({
    id,
    type: "border",
    data: { side, slots, marks: marks.get(id) ?? NO_MARKS },
    position: { x: at[0] ?? 0, y: at[1] ?? 0 },
    deletable: false,
  });
  return [
    border(INPUTS, "in", definition.inputs, definition.inputsAt ?? []),
    border(OUTPUTS, "out", definition.outputs, definition.outputsAt ?? []),
  ];
}

/** The same object as last time where nothing about it changed. */
function keep(view: View, kept: Kept, node: AnyNode): [string, AnyNode] {
  const before = kept.get(node.id);
  const selected = view.selection.has(node.id);
  const measured = view.measured.get(node.id);
  const data = before && sameData(before.data, node.data) ? before.data : node.data;
  const shape = measured ? { measured } : shaped(before, data, node);
  const now = { ...node, data, selected, ...shape } as AnyNode;
  return [node.id, before && sameNode(before, now) ? before : now];
}

/** Until it is measured, a node is taken to be as large as nodes like it are. */
function shaped(before: AnyNode | undefined, data: AnyNode["data"], { type }: AnyNode): Partial<AnyNode> {
  if (type !== "node") return {};
  if (before?.data !== data || !before.measured || !before.handles) return shapeOf(data as NodeData);
  return { measured: before.measured, handles: before.handles };
}

function sameNode(a: AnyNode, b: AnyNode): boolean {
  return (
    a.data === b.data &&
    a.selected === b.selected &&
    a.measured === b.measured &&
    a.type === b.type &&
    a.draggable === b.draggable &&
    a.ariaLabel === b.ariaLabel &&
    a.domAttributes === b.domAttributes &&
    a.position.x === b.position.x &&
    a.position.y === b.position.y &&
    a.style?.width === b.style?.width &&
    a.style?.height === b.style?.height
  );
}

function sameData(a: object, b: object): boolean {
  const [before, now] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(now);
  if (keys.length !== Object.keys(before).length) return false;
  return keys.every((key) => (key === "node" ? looksSame(before.node, now.node) : same(before[key], now[key])));
}

/** A node that was only moved looks as before: its view is not drawn again while it is dragged. */
function looksSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  const [before, now] = [a as Node, b as Node];
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]) as Set<keyof Node>;
  return [...keys].every((key) => key === "pos" || before[key] === now[key]);
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!isMarks(a) || !isMarks(b)) return false;
  return a.inputs === b.inputs && a.outputs === b.outputs;
}

function isMarks(value: unknown): value is Marks {
  return typeof value === "object" && value !== null && typeof (value as Marks).inputs === "string";
}

/** The node type of a subgraph is made for each node; kept while nothing changes that it is made from. */
const hosts = new WeakMap<object, Map<string, { node: Node; def: NodeDef | undefined }>>();

function definition({ doc, at, defs }: View, node: Node): NodeDef | undefined {
  if (!doc.definitions.has(node.type)) return shownDef(doc, level(doc, at), node, defs);
  const made = hosts.get(doc.definitions) ?? new Map<string, { node: Node; def: NodeDef | undefined }>();
  hosts.set(doc.definitions, made);
  const before = made.get(node.id);
  if (before && before.node.type === node.type && before.node.properties === node.properties) return before.def;
  const def = defOf(doc, node, defs);
  made.set(node.id, { node, def });
  return def;
}
