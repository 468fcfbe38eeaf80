/** Commands of the graph, as the canvas runs them: on what is selected, in one undo entry. */

import { activeTab, edit, here as place, select, tabOf, editor } from "../app/editor";
import { graphCommand } from "../commands/graph";
import { outcome, type GraphCommand, type Here } from "../commands/types";
import type { Point } from "../model/types";
import { pointerOrMiddle, sizes, toFlow } from "./viewport";

/** What is selected, by kind. */
export function chosen(selection: ReadonlySet<string>): Pick<Here, "nodes" | "groups" | "bends" | "links"> {
  const all = [...selection];
  const of = (kind: string) => all.filter((id) => id.startsWith(`${kind}:`)).map((id) => id.slice(kind.length + 1));
  return {
    nodes: all.filter((id) => !id.includes(":") && !id.startsWith("-")),
    groups: of("group"),
    bends: of("bend"),
    links: of("link"),
  };
}

/** at: on the screen. */
export function hereNow(at: Point = pointerOrMiddle()): Here {
  return { at: place(), ...chosen(activeTab().selection), sizes: sizes(), pointer: toFlow(at) };
}

export function isOpen(): boolean {
  return tabOf(editor.get()) !== undefined;
}

export function perform(command: GraphCommand | string, at?: Point): void {
  if (!isOpen()) return;
  const found = typeof command === "string" ? graphCommand(command) : command;
  const { doc, nodes } = outcome(found, hereNow(at));
  edit(() => doc);
  if (nodes?.length) select(nodes);
}
