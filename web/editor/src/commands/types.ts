/**
 * Commands as data. Shortcuts, menus, the palette and the help all read one table, so that a command is the same
 * wherever it is called from.
 *
 * What a command does to the document is a pure function; the editor makes one undo entry of it and selects what is new.
 */

import type { Made, Place } from "../edit/place";
import type { Key } from "../i18n";
import type { Sizes } from "../model/geometry";
import type { Document, LinkId, NodeId, Point } from "../model/types";

/** What a command can know: the graph that is shown, and what is selected in it. */
export interface Here {
  readonly at: Place;
  readonly nodes: readonly NodeId[];
  readonly groups: readonly string[];
  readonly bends: readonly string[];
  readonly links: readonly LinkId[];
  /** As drawn, where that is known. */
  readonly sizes: Sizes;
  /** Where the pointer is, in the graph. */
  readonly pointer: Point;
}

/** Where a command is offered. */
export type Menu = "canvas" | "nodes" | "group" | "link" | "bend";

export interface GraphCommand {
  readonly id: string;
  readonly label: Key;
  /** As `Mod+Shift+G`; Mod is the Command key on a Mac. */
  readonly keys?: readonly string[];
  /** Commands of one section stand together. */
  readonly section: "edit" | "node" | "look" | "group" | "arrange" | "subgraph" | "link";
  readonly menus: readonly Menu[];
  readonly when: (here: Here) => boolean;
  /** Whether what it toggles is on. */
  readonly checked?: (here: Here) => boolean;
  readonly run: (here: Here) => Document | Made;
}

export function isMade(result: Document | Made): result is Made {
  return "doc" in result;
}

/** What there is after a command, and what to select; `nodes` undefined: as it was. */
export function outcome(command: GraphCommand, here: Here): { doc: Document; nodes?: readonly NodeId[] } {
  if (!command.when(here)) return { doc: here.at.doc };
  const result = command.run(here);
  return isMade(result) ? result : { doc: result };
}
