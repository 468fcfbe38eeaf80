/** What a node shows, from top to bottom: its sockets, then its widgets, with what is folded away left out. */

import { isSocket } from "../edit/values";
import { socketName } from "../i18n";
import { text } from "../model/json";
import { type InputDef, type NodeDef } from "../model/nodes";
import { level, type Document, type Json, type LevelId, type Node, type NodeId } from "../model/types";
import { defaultOf, widgetsOf, type Role } from "../model/widgets";
import { isMarked, type Marks } from "./marks";

export interface SocketRow {
  readonly slot: number;
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly optional: boolean;
  readonly linked: boolean;
  readonly tooltip?: string;
}

export interface WidgetRow {
  readonly name: string;
  readonly label: string;
  readonly role: Role;
  readonly input: InputDef;
  readonly value: Json | undefined;
  /** Its socket, if it may be linked. */
  readonly socket?: SocketRow;
}

export interface Rows {
  readonly inputs: readonly SocketRow[];
  readonly outputs: readonly SocketRow[];
  readonly widgets: readonly WidgetRow[];
  /** How many rows could be folded away, whether they are or not. */
  readonly foldable: number;
}

/** So many optional sockets without a link are shown without being asked for. */
const OPTIONAL_SHOWN = 3;

/** unfolded: everything; "always": there is nothing to fold, as on a node that stands for a subgraph. */
export function rowsOf(node: Node, def: NodeDef | undefined, marks: Marks, unfolded: boolean | "always" = false): Rows {
  const sockets = inputRows(node, def, marks);
  const widgets = widgetRows(node, def, sockets);
  const taken = new Set(widgets.flatMap((row) => (row.socket ? [row.socket.slot] : [])));
  const inputs = sockets.filter((row) => !taken.has(row.slot));
  const advanced = new Set(def?.inputs.filter((input) => input.advanced).map((input) => input.name));
  const spare = inputs.filter((row) => row.optional && !row.linked);
  const folded = (row: SocketRow) =>
    !row.linked && (advanced.has(row.name) || (spare.length > OPTIONAL_SHOWN && spare.includes(row)));
  const hidden = (row: WidgetRow) => row.input.advanced && !row.socket?.linked;
  return {
    inputs: unfolded ? inputs : inputs.filter((row) => !folded(row)),
    outputs: outputRows(node, def, marks),
    widgets: unfolded ? widgets : widgets.filter((row) => !hidden(row)),
    foldable: unfolded === "always" ? 0 : inputs.filter(folded).length + widgets.filter(hidden).length,
  };
}

function inputRows(node: Node, def: NodeDef | undefined, marks: Marks): SocketRow[] {
  const inputs = new Map(def?.inputs.map((input) => [input.name, input]));
  return node.inputs.map((slot, i) => {
    const input = inputs.get(slot.name);
    return {
      slot: i,
      name: slot.name,
      label: slot.label ?? text(input?.options.display_name) ?? wordFor(slot.name, def),
      type: slot.type,
      optional: input?.optional ?? false,
      linked: isMarked(marks.inputs, i),
      ...(input?.tooltip === undefined ? {} : { tooltip: input.tooltip }),
    };
  });
}

/** What an input or output is called where it has no label: in the language of the page; as it is on a subgraph. */
export function wordFor(name: string, def: NodeDef | undefined): string {
  const short = shortName(name);
  return def?.subgraph ? short : socketName(short);
}

/** The same for any node of the shown graph; the names at the border of a subgraph are as they were given. */
export function wordAt({ doc, level: at }: { doc: Document; level: LevelId }, id: NodeId, name: string): string {
  const node = level(doc, at).nodes.get(id);
  return node && !doc.definitions.has(node.type) ? socketName(shortName(name)) : name;
}

/** Inputs of a group are named `group.input`; the last part says enough. Those of a model's blocks are numbered. */
function shortName(name: string): string {
  const [, side, number] = /^(\w+)_blocks?\.(\d+)\.?$/.exec(name) ?? [];
  if (side !== undefined) return `${side} ${number}`;
  return /^[\w ]+\.[\w ]+$/.test(name) ? name.slice(name.indexOf(".") + 1) : name;
}

function outputRows(node: Node, def: NodeDef | undefined, marks: Marks): SocketRow[] {
  return node.outputs.map((slot, i) => {
    const tooltip = def?.outputs[i]?.tooltip;
    const label = slot.label ?? wordFor(slot.name || slot.type, def);
    const linked = isMarked(marks.outputs, i);
    const common = { slot: i, name: slot.name, label, type: slot.type, optional: false, linked };
    return tooltip === undefined ? common : { ...common, tooltip };
  });
}

function widgetRows(node: Node, def: NodeDef | undefined, sockets: readonly SocketRow[]): WidgetRow[] {
  if (!def) return [];
  return widgetsOf(def, node.values)
    .filter(({ name, role, input }) => role !== "upload" && !input.hidden && !isSocket(node, name))
    .map((widget) => {
      const socket = widget.role === "value" ? socketOf(node, sockets, widget.name) : undefined;
      return {
        name: widget.name,
        label: socket?.label ?? text(widget.input.options.display_name) ?? wordFor(widget.name, def),
        role: widget.role,
        input: widget.input,
        value: node.values[widget.name] ?? defaultOf(widget),
        ...(socket ? { socket } : {}),
      };
    });
}

function socketOf(node: Node, sockets: readonly SocketRow[], name: string): SocketRow | undefined {
  const slot = node.inputs.findIndex((input) => (input.widget ?? input.name) === name);
  return sockets[slot];
}
