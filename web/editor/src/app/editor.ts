/** What is open: the tabs, each with its document and its undo list. All changes of documents pass through here. */

import type { Made, Place } from "../edit/place";
import { begin, canRedo, canUndo, present, record, redone, sealed, undone, type History } from "../model/history";
import { fit } from "../model/fit";
import type { Defs } from "../model/nodes";
import { level, ROOT, type Document, type Graph, type LevelId, type NodeId } from "../model/types";
import { named } from "./naming";
import { createStore, type Store } from "./store";

export interface Tab {
  readonly id: string;
  readonly name: string;
  /** Where it is kept on the server, such as `workflows/a.json`; absent: nowhere yet. */
  readonly path?: string;
  readonly history: History;
  /** The level that is shown. */
  readonly at: LevelId;
  /** The levels above it, the root first, and the nodes through which it was entered. */
  readonly trail: readonly LevelId[];
  readonly hosts: readonly NodeId[];
  /** Nodes by their ids; groups, bends and links as `group:ID`, `bend:ID`, `link:ID`. */
  readonly selection: ReadonlySet<string>;
  /** The document as it was last saved or opened: another one means unsaved changes. */
  readonly saved: Document;
}

export interface EditorState {
  readonly tabs: readonly Tab[];
  readonly active: string;
  /** The node types; empty until the server has told them. */
  readonly defs: Defs;
}

const NONE: ReadonlySet<string> = new Set();
let lastTab = 0;

export const editor: Store<EditorState> = createStore<EditorState>({ tabs: [], active: "", defs: new Map() });

export function tabOf(state: EditorState): Tab | undefined {
  return state.tabs.find((tab) => tab.id === state.active);
}

/** There is one from the first opened document on; the last tab that is closed leaves an empty one. */
export function activeTab(): Tab {
  const tab = tabOf(editor.get());
  if (!tab) throw new Error("no document is open");
  return tab;
}

export function document(): Document {
  return present(activeTab().history);
}

/** The graph that is shown. */
export function graph(): Graph {
  const tab = activeTab();
  return level(present(tab.history), tab.at);
}

/** The id of a node of the shown level as the server knows it: `host:inner`. */
export function runId(tab: Tab, node: NodeId): string {
  return [...tab.hosts, node].join(":");
}

export function changeTab(id: string, change: (tab: Tab) => Tab): void {
  editor.set((state) => {
    const tabs = state.tabs.map((tab) => (tab.id === id ? change(tab) : tab));
    return tabs.some((tab, i) => tab !== state.tabs[i]) ? { ...state, tabs } : state;
  });
}

/** Changes the document of the shown tab; all changes with one gesture id are undone together. */
export function edit(change: (doc: Document) => Document, gesture?: string): void {
  changeTab(editor.get().active, (tab) => {
    const before = present(tab.history);
    const after = change(before);
    return after === before ? tab : settle({ ...tab, history: record(tab.history, after, gesture) });
  });
}

export function undo(): void {
  changeTab(editor.get().active, (tab) => move(tab, undone(tab.history)));
}

export function redo(): void {
  changeTab(editor.get().active, (tab) => move(tab, redone(tab.history)));
}

export function isUndoable(): boolean {
  const tab = tabOf(editor.get());
  return tab !== undefined && canUndo(tab.history);
}

export function isRedoable(): boolean {
  const tab = tabOf(editor.get());
  return tab !== undefined && canRedo(tab.history);
}

function move(tab: Tab, history: History): Tab {
  return history === tab.history ? tab : settle({ ...tab, history });
}

/** What is selected and where we are may be gone after a change. */
function settle(tab: Tab): Tab {
  const doc = present(tab.history);
  const depth = depthLeft(tab, doc);
  const placed = depth < tab.hosts.length ? { ...upTo(tab, depth), selection: NONE } : tab;
  const shown = level(doc, placed.at);
  const left = [...placed.selection].filter((id) => exists(shown, id));
  return left.length === placed.selection.size ? placed : { ...placed, selection: new Set(left) };
}

/** How many of the nodes through which the level was entered still lead there. */
function depthLeft({ at, trail, hosts }: Tab, doc: Document): number {
  const path = [...trail, at];
  const broken = hosts.findIndex((host, i) => {
    const inside = path[i + 1]!;
    return !doc.definitions.has(inside) || level(doc, path[i]!).nodes.get(host)?.type !== inside;
  });
  return broken < 0 ? hosts.length : broken;
}

function upTo(tab: Tab, depth: number): Tab {
  return { ...tab, at: tab.trail[depth]!, trail: tab.trail.slice(0, depth), hosts: tab.hosts.slice(0, depth) };
}

function exists(shown: Graph, id: string): boolean {
  const [kind, rest] = id.split(/:(.*)/s) as [string, string?];
  if (rest === undefined) return shown.nodes.has(id) || Number(id) < 0;
  if (kind === "group") return shown.groups.some((group) => group.id === rest);
  return kind === "bend" ? shown.bends.has(rest) : shown.links.has(rest);
}

/** Opens a document in a new tab, and shows it. */
export function openDocument(doc: Document, name: string, path?: string): void {
  editor.set((state) => {
    const fitted = state.defs.size ? fit(doc, state.defs) : doc;
    const tab = newTab(fitted, name, path);
    return { ...state, tabs: [...state.tabs, tab], active: tab.id };
  });
}

function newTab(doc: Document, name: string, path?: string): Tab {
  const place = { at: ROOT, trail: [], hosts: [], selection: NONE };
  const id = `tab${++lastTab}`;
  return { id, name, ...(path === undefined ? {} : { path }), history: begin(doc), ...place, saved: doc };
}

export function showTab(id: string): void {
  editor.set((state) => (state.tabs.some((tab) => tab.id === id) ? { ...state, active: id } : state));
}

/** Without asking: whether something would be lost is the caller's question (`isChanged`). */
export function closeTab(id: string): void {
  editor.set((state) => {
    const at = state.tabs.findIndex((tab) => tab.id === id);
    const tabs = state.tabs.filter((tab) => tab.id !== id);
    const next = tabs[Math.min(at, tabs.length - 1)];
    return { ...state, tabs, active: state.active === id ? (next?.id ?? "") : state.active };
  });
}

export function isChanged(tab: Tab): boolean {
  return present(tab.history) !== tab.saved;
}

export function markSaved(id: string, name: string, path?: string): void {
  changeTab(id, (tab) => ({
    ...tab,
    name,
    ...(path === undefined ? {} : { path }),
    saved: present(tab.history),
  }));
}

/** The node types came, or came anew: documents that were open already get what their files lack. No undo entry. */
export function setDefs(defs: Defs): void {
  const shown = named(defs);
  editor.set((state) => ({ ...state, defs: shown, tabs: state.tabs.map((tab) => refit(tab, shown)) }));
}

/** The language changed: the node types are called otherwise, and nothing else is another. */
export function renameDefs(): void {
  editor.set((state) => ({ ...state, defs: named(state.defs) }));
}

function refit(tab: Tab, defs: Defs): Tab {
  const doc = fit(present(tab.history), defs);
  const saved = isChanged(tab) ? tab.saved : doc;
  return settle({ ...tab, history: { ...tab.history, present: doc }, saved });
}

/** What is done to something else now is another gesture. */
export function select(ids: Iterable<string>): void {
  changeTab(editor.get().active, (tab) => {
    const selection = new Set(ids);
    const same = selection.size === tab.selection.size && [...selection].every((id) => tab.selection.has(id));
    return same ? tab : { ...tab, selection, history: sealed(tab.history) };
  });
}

/** Shows the inside of the subgraph that a node stands for. */
export function enter(host: NodeId): void {
  changeTab(editor.get().active, (tab) => {
    const doc = present(tab.history);
    const type = level(doc, tab.at).nodes.get(host)?.type;
    if (type === undefined || !doc.definitions.has(type)) return tab;
    return { ...tab, at: type, trail: [...tab.trail, tab.at], hosts: [...tab.hosts, host], selection: NONE };
  });
}

/** Back up to the level at that place of the trail; without a place, by one. */
export function leave(depth?: number): void {
  changeTab(editor.get().active, (tab) => {
    const to = depth ?? tab.trail.length - 1;
    const host = tab.hosts[to];
    return host === undefined ? tab : { ...upTo(tab, to), selection: new Set([host]) };
  });
}

/** Shows a node anywhere, by the id that the server gives it (`host:inner`), and selects it. */
export function goTo(id: string): void {
  const path = id.split(":");
  const tab = activeTab();
  const shared = path.slice(0, -1).join(":") === tab.hosts.join(":");
  if (!shared) {
    leave(0);
    for (const host of path.slice(0, -1)) enter(host);
  }
  select([path.at(-1)!]);
}

/** Where an edit of the shown graph happens. */
export function here(): Place {
  return { doc: document(), level: activeTab().at, defs: editor.get().defs };
}

/** Changes the shown graph by one of the functions of `src/edit`. */
export function change(by: (at: Place) => Document, gesture?: string): void {
  edit((doc) => by({ ...here(), doc }), gesture);
}

/** The same for what makes nodes: these are selected afterwards. */
export function make(by: (at: Place) => Made, gesture?: string): readonly NodeId[] {
  const made = by(here());
  edit(() => made.doc, gesture);
  if (made.nodes.length) select(made.nodes);
  return made.nodes;
}
