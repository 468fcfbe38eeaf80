/** The menus of the canvas, from the tables of commands. */

import { activeTab, change, enter, graph, here, select } from "../app/editor";
import { action } from "../app/actions";
import { shownKeys } from "../app/shortcuts";
import { GRAPH_COMMANDS } from "../commands/graph";
import type { GraphCommand, Here, Menu } from "../commands/types";
import { setGroup } from "../edit/groups";
import { setColor } from "../edit/nodes";
import { t, type Key } from "../i18n";
import { INPUTS, OUTPUTS, type NodeId, type Point } from "../model/types";
import { bendAt } from "./bending";
import { borderEntries } from "./borderMenu";
import { canPaste, copySelected, cutSelected, offer, pasteLast } from "./clipboard";
import { PAINTS } from "./colors";
import { searchHere, selectAll } from "./commands";
import { hereNow, perform } from "./doing";
import { isTyping } from "./typing";
import { open, type MenuEntry, type MenuItem } from "./ui";
import { pointAt, toFlow } from "./viewport";
import { allWidgets, pointedWidget } from "./widgetMenu";

interface Click {
  readonly clientX: number;
  readonly clientY: number;
  readonly target: EventTarget | null;
  preventDefault(): void;
}

export function canvasMenu(event: Click): void {
  show(event, "canvas.menu", (at) => [
    { ...entry("canvas.addHere", "Space"), run: searchHere },
    ...commands("canvas", hereNow(at), at),
    "line",
    ...pasting(),
    { ...entry("canvas.selectAll", "Mod+A"), run: selectAll },
  ]);
}

export function nodeMenu(event: Click, node?: { readonly id: string; readonly type?: string | undefined }): void {
  const id = node?.id;
  if (isTyping(event.target) && event.target === document.activeElement) return; // the browser's own, to copy and paste
  if (id !== undefined && !activeTab().selection.has(id)) select([id]);
  show(event, "canvas.menu", (at) => {
    const now = hereNow(at);
    if (id?.startsWith("bend:")) return commands("bend", now, at);
    if (id === INPUTS || id === OUTPUTS) return borderEntries(id, event.target);
    const one = now.nodes.length === 1 ? now.nodes[0]! : undefined;
    const own = one === undefined ? [] : [...pointedWidget(one, event.target), "line" as const, ...ofOne(one)];
    return [...own, ...commands("nodes", now, at), ...copying()];
  });
}

export function groupMenu(event: Click, id: string): void {
  if (!activeTab().selection.has(id)) select([id]);
  show(event, "canvas.menu", (at) => [
    { ...entry("canvas.rename", "T"), run: () => open({ naming: id }) },
    { ...entry("canvas.color"), children: PAINTS.map((paint) => groupPaint(id, paint)) },
    ...commands("group", hereNow(at), at),
    ...copying(),
  ]);
}

export function linkMenu(event: Click, id: string): void {
  select([id]);
  show(event, "canvas.menu", (at) => [
    { ...entry("canvas.bendHere"), run: () => bendAt(id.slice(5), toFlow(at)) },
    ...commands("link", hereNow(at), at),
  ]);
}

/** The pointer is where the menu was asked for, whatever happens on the way to the entry. */
function show(event: Click, label: Key, items: (at: Point) => MenuItem[]): void {
  event.preventDefault();
  const at: Point = [event.clientX, event.clientY];
  pointAt(at);
  const found = tidy(items(at));
  if (found.length) open({ menu: { screen: at, label: t(label), items: found } });
}

/** No line at an end, no two in a row. */
export function tidy(items: readonly MenuItem[]): MenuItem[] {
  const kept = items.filter((item, i) => item !== "line" || (i > 0 && items[i - 1] !== "line"));
  if (kept[0] === "line") return tidy(kept.slice(1));
  return kept.at(-1) === "line" ? kept.slice(0, -1) : kept;
}

function entry(label: Key, keys?: string): MenuEntry {
  return { id: label, label: t(label), ...(keys ? { keys: shownKeys(keys) } : {}) };
}

/** Sections that stand together, in the order of the menus: what takes away comes last. */
const ORDER: readonly (readonly GraphCommand["section"][])[] = [
  ["link"],
  ["node", "look"],
  ["group", "arrange", "subgraph"],
  ["edit"],
];

/** The commands of a menu that apply, part by part; aligning has a menu of its own. */
export function commands(menu: Menu, now: Here, at?: Point): MenuItem[] {
  const all = GRAPH_COMMANDS.filter((command) => command.menus.includes(menu) && command.when(now));
  return ORDER.flatMap((sections): MenuItem[] => {
    const part = all.filter((command) => sections.includes(command.section));
    const aligning = part.filter((command) => /^(align|distribute)\./.test(command.id));
    const lines = part.filter((command) => !aligning.includes(command)).map((one) => line(one, now, at));
    const inner = aligning.map((one) => line(one, now, at));
    return ["line", ...lines, ...(inner.length ? [{ ...entry("canvas.align"), children: inner }] : [])];
  });
}

function line(command: GraphCommand, now: Here, at?: Point): MenuEntry {
  const keys = command.keys?.[0];
  return {
    id: command.id,
    label: t(command.label),
    ...(keys ? { keys: shownKeys(keys) } : {}),
    ...(command.checked ? { checked: command.checked(now) } : {}),
    run: () => perform(command, at),
  };
}

function copying(): MenuItem[] {
  const then = (done: boolean) => done && offer();
  return [
    { ...entry("canvas.copy", "Mod+C"), run: () => then(copySelected()) },
    { ...entry("canvas.cut", "Mod+X"), run: () => then(cutSelected()) },
  ];
}

function pasting(): MenuItem[] {
  const disabled = !canPaste();
  return [
    { ...entry("canvas.paste", "Mod+V"), disabled, run: () => pasteLast() },
    { ...entry("canvas.pasteLinked", "Mod+Shift+V"), disabled, run: () => pasteLast(true) },
  ];
}

/** What is asked of one node only. */
function ofOne(id: NodeId): MenuItem[] {
  const host = here().doc.definitions.has(graph().nodes.get(id)?.type ?? "");
  const widgets = allWidgets(id);
  return [
    ...(host ? [{ ...entry("canvas.enter"), run: () => enter(id) }] : []),
    { ...entry("canvas.runTo", action("runTo").keys), run: action("runTo").run },
    { ...entry("canvas.rename", "T"), run: () => open({ naming: id }) },
    { ...entry("canvas.color"), children: PAINTS.map((paint) => nodePaint(paint)) },
    ...(widgets.length ? [{ ...entry("canvas.properties"), children: widgets }] : []),
    "line",
  ];
}

function nodePaint({ name, title, body }: (typeof PAINTS)[number]): MenuEntry {
  const run = () => change((at) => setColor(at, hereNow().nodes, title, body));
  return { ...entry(name), swatch: body, run };
}

function groupPaint(id: string, { name, group }: (typeof PAINTS)[number]): MenuEntry {
  return { ...entry(name), swatch: group, run: () => change((at) => setGroup(at, id.slice(6), { color: group })) };
}
