/** The widgets of a node, and which saved value belongs to which (interop.md, section 3). */

import { isObject, list } from "./json";
import { chosenInputs, type InputDef, type NodeDef } from "./nodes";
import type { Json, JsonObject, Values } from "./types";

/** `value` is what the node takes; the others are the editor's own, which only take a place in the list. */
export type Role = "value" | "control" | "filter" | "upload";

export interface Widget {
  /** Its key in `Node.values` and in `widgets_values_named`. */
  readonly name: string;
  readonly role: Role;
  readonly input: InputDef;
}

export const CONTROL = "control_after_generate";
const FILTER = "control_filter_list";
const CONTROLS = new Set(["fixed", "increment", "decrement", "randomize", "increment-wrap"]);

export function isControl(value: unknown): boolean {
  return typeof value === "string" && CONTROLS.has(value);
}

/** All inputs as they are with these values: each option of a dynamic menu brings its own. */
export function inputsOf(def: NodeDef, values: Values): InputDef[] {
  const waiting = [...def.inputs].reverse();
  const found: InputDef[] = [];
  for (let input = waiting.pop(); input; input = waiting.pop()) {
    found.push(input);
    waiting.push(...chosenInputs(input, values[input.name] ?? input.default).reverse());
  }
  return found;
}

/** All widgets in the order of `widgets_values`, for these values. */
export function widgetsOf(def: NodeDef, values: Values): Widget[] {
  const found = arrange(inputsOf(def, values).filter((input) => input.widget));
  const upload = def.inputs.filter((input) => input.upload);
  return [...found, ...upload.map((input) => named(found, "upload", "upload", input))];
}

function arrange(inputs: readonly InputDef[]): Widget[] {
  const found: Widget[] = [];
  for (const input of inputs) {
    found.push({ name: input.name, role: "value", input });
    if (!input.controlled) continue;
    found.push(named(found, CONTROL, "control", input));
    if (input.type === "COMBO") found.push(named(found, FILTER, "filter", input));
  }
  return found;
}

/** The names of files for the editor's own widgets, made unique where a node has two of a kind. */
function named(taken: readonly Widget[], name: string, role: Role, input: InputDef): Widget {
  const clash = taken.some((widget) => widget.name === name);
  return { name: clash ? `${name}:${input.name}` : name, role, input };
}

export function defaultOf(widget: Widget): Json {
  const defaults: Record<Role, Json> = {
    value: widget.input.default,
    control: "randomize",
    filter: "",
    upload: "image",
  };
  if (widget.role !== "control") return defaults[widget.role];
  const flag = widget.input.options.control_after_generate;
  return isControl(flag) ? (flag as string) : defaults.control;
}

/** What a new node holds. */
export function defaultValues(def: NodeDef): Values {
  return fill(def, undefined, undefined);
}

/** The values of all widgets: by name if the file has names, else by position, else the defaults. */
export function fill(def: NodeDef, saved: Json | undefined, namedValues: Json | undefined): Values {
  const names = new Set(def.inputs.filter((input) => input.widget).map((input) => input.name));
  const knows = (value: Json | undefined): value is JsonObject =>
    isObject(value) && Object.keys(value).some((name) => names.has(name));
  if (knows(namedValues)) return byName(def, namedValues);
  if (knows(saved)) return byName(def, saved);
  return byPosition(def, positions(def, saved));
}

function byName(def: NodeDef, saved: JsonObject): Values {
  return walk(def, (widget) => saved[widget.name]);
}

/** An object whose names are of no use is read as the list of its values, if it has as many as there are widgets. */
function positions(def: NodeDef, saved: Json | undefined): readonly Json[] {
  if (typeof saved === "string") return [...saved];
  if (!isObject(saved)) return list(saved);
  const values = Object.values(saved) as Json[];
  return values.length === arrange(def.inputs.filter((input) => input.widget)).length ? values : [];
}

/** Files of 2024 have values for sockets (`forceInput`) too: recognised by their number. */
function byPosition(def: NodeDef, saved: readonly Json[]): Values {
  const all = arrange(def.inputs.filter((input) => input.widget || input.forced));
  const forced = def.inputs.some((input) => input.forced) && saved.length === all.length;
  const rest = forced ? saved.filter((_, i) => !all[i]?.input.forced) : saved;
  let at = 0;
  return walk(def, () => rest[at++]);
}

/** Widget by widget, since what a dynamic menu holds decides which come after it. */
function walk(def: NodeDef, take: (widget: Widget) => Json | undefined): Values {
  const values: Record<string, Json> = {};
  const seen = new Set<string>();
  for (;;) {
    const widget = widgetsOf(def, values).find((candidate) => !seen.has(candidate.name));
    if (!widget) return values;
    seen.add(widget.name);
    values[widget.name] = settle(widget, take(widget));
  }
}

/** A saved value as its widget holds it: menus have no null, a seed mode is one, and long text is text. */
function settle(widget: Widget, value: Json | undefined): Json {
  const { role, input } = widget;
  if (value === undefined) return defaultOf(widget);
  if (role === "control") return oldControl(value) ?? defaultOf(widget);
  if (role === "value" && value === null && (input.widget === "combo" || input.widget === "dynamic")) {
    return defaultOf(widget);
  }
  return role === "value" && input.widget === "longtext" ? scriptText(value) : value;
}

/** The first editors wrote true and false. */
function oldControl(value: Json): Json | undefined {
  if (typeof value === "boolean") return value ? "randomize" : "fixed";
  return isControl(value) ? value : undefined;
}

/** As the standard's editor turns any value into text. */
export function scriptText(value: Json): string {
  if (Array.isArray(value)) return list(value).map(scriptText).join(",");
  return value === null ? "" : isObject(value) ? "[object Object]" : String(value);
}

/** The two ways in which values are saved. */
export function saved(def: NodeDef, values: Values): { positions: Json[]; named: JsonObject } {
  const widgets = widgetsOf(def, values);
  const value = (widget: Widget) => (widget.name in values ? values[widget.name]! : defaultOf(widget)); // null is one
  return { positions: widgets.map(value), named: Object.fromEntries(widgets.map((w) => [w.name, value(w)])) };
}
