/** Node types: what `/object_info` says of them, in a form that is easy to ask. */

import { isObject, key, list, object, text } from "./json";
import type { Json, JsonObject } from "./types";

export const DYNAMIC = "COMFY_DYNAMICCOMBO_V3";
export const AUTOGROW = "COMFY_AUTOGROW_V3";
const MATCH = "COMFY_MATCHTYPE_V3";

/** How an input can be filled in; the table of widgets in the editor has one component for each. */
export type WidgetKind = "int" | "float" | "text" | "longtext" | "toggle" | "combo" | "dynamic" | "color" | "record";

const KINDS: Readonly<Record<string, WidgetKind>> = {
  INT: "int",
  FLOAT: "float",
  STRING: "text",
  BOOLEAN: "toggle",
  COMBO: "combo",
  COLOR: "color",
  AUDIO_RECORD: "record",
  [DYNAMIC]: "dynamic",
};

const EMPTIES: Readonly<Record<WidgetKind, Json>> = {
  int: 0,
  float: 0,
  text: "",
  longtext: "",
  toggle: false,
  combo: null,
  dynamic: null,
  color: "#ffffff",
  record: "",
};

export type Upload = "image" | "video" | "audio" | "file";

export interface InputDef {
  readonly name: string;
  /** The socket type; `COMBO` for every menu, also where the server gives the list itself. */
  readonly type: string;
  readonly optional: boolean;
  /** Absent: a socket only. */
  readonly widget?: WidgetKind;
  /** Of a widget's type, but a socket only (`forceInput`). */
  readonly forced: boolean;
  /** A widget that cannot be linked. */
  readonly socketless: boolean;
  readonly advanced: boolean;
  readonly hidden: boolean;
  /** What a new node shows. */
  readonly default: Json;
  readonly choices: readonly Json[];
  readonly tooltip?: string;
  /** After it comes a seed mode, and for a menu also a filter. */
  readonly controlled: boolean;
  readonly upload?: Upload;
  /** Everything else, as the server says it: min, max, step, round, display, placeholder, ... */
  readonly options: JsonObject;
}

export interface OutputDef {
  readonly name: string;
  readonly type: string;
  readonly list: boolean;
  readonly tooltip?: string;
}

export interface NodeDef {
  readonly type: string;
  readonly title: string;
  readonly category: string;
  readonly description: string;
  /** Required, then optional, in the order of the widgets. */
  readonly inputs: readonly InputDef[];
  readonly outputs: readonly OutputDef[];
  /** Something that runs for its own sake: it saves or shows. */
  readonly isOutput: boolean;
  readonly deprecated: boolean;
  readonly experimental: boolean;
  readonly pack: string;
  /** Of a node that stands for a subgraph: its sockets are in the order of the inputs, widgets or not. */
  readonly subgraph?: true;
  readonly aliases: readonly string[];
  /** What the server calls it, where the page has another language. */
  readonly english?: { readonly title: string; readonly category: string };
}

export type Defs = ReadonlyMap<string, NodeDef>;

/** The whole answer of `/object_info`, with the nodes that exist in the editor only. */
export function readDefs(info: JsonObject): Defs {
  const defs = new Map<string, NodeDef>(VIRTUAL);
  for (const [type, description] of Object.entries(info)) {
    if (isObject(description)) defs.set(type, readDef(type, description));
  }
  return defs;
}

export function readDef(type: string, info: JsonObject): NodeDef {
  return {
    type,
    title: text(info.display_name) || type,
    category: text(info.category) ?? "",
    description: text(info.description) ?? "",
    inputs: readInputs(object(info.input), object(info.input_order)),
    outputs: readOutputs(info),
    isOutput: info.output_node === true,
    deprecated: info.deprecated === true,
    experimental: info.experimental === true,
    pack: text(info.python_module) ?? "",
    aliases: list(info.search_aliases).map(String),
  };
}

export function readInputs(sections: JsonObject, order: JsonObject = {}): InputDef[] {
  return (["required", "optional"] as const).flatMap((section) => {
    const inputs = object(sections[section]);
    const names = new Set([...list(order[section]).map(String), ...Object.keys(inputs)]);
    return [...names].filter((name) => name in inputs).map((name) => readInput(name, inputs[name], section));
  });
}

function readInput(name: string, declaration: Json | undefined, section: "required" | "optional"): InputDef {
  const [first, second] = list(declaration);
  const options = object(second);
  const type = socketType(first, options);
  const typed = KINDS[text(options.widgetType) ?? type] ?? KINDS[type];
  const kind = typed === "text" && options.multiline === true ? "longtext" : typed;
  const forced = kind !== undefined && (options.forceInput === true || options.defaultInput === true);
  const choices = menu(first, options);
  const upload = uploadOf(options);
  return {
    name,
    type,
    optional: section === "optional",
    ...(kind && !forced ? { widget: kind } : {}),
    forced,
    socketless: options.socketless === true,
    advanced: options.advanced === true,
    hidden: options.hidden === true,
    default: options.default ?? choices[0] ?? (kind ? EMPTIES[kind] : null),
    choices,
    ...(text(options.tooltip) ? { tooltip: text(options.tooltip)! } : {}),
    controlled: isControlled(name, type, options),
    ...(upload ? { upload } : {}),
    options,
  };
}

/** The first node protocol writes a menu as the list itself. */
function socketType(first: Json | undefined, options: JsonObject): string {
  if (Array.isArray(first)) return "COMBO";
  if (first === MATCH) return text(object(options.template).allowed_types) ?? "*";
  return text(first) ?? "*";
}

function menu(first: Json | undefined, options: JsonObject): readonly Json[] {
  if (Array.isArray(first)) return list(first);
  const choices = list(options.options);
  return first === DYNAMIC ? choices.map((choice) => object(choice).key ?? null) : choices;
}

/** Without a flag, it is the name that makes a seed. */
function isControlled(name: string, type: string, options: JsonObject): boolean {
  const flag = options.control_after_generate;
  if (type === "COMBO") return Boolean(flag);
  return type === "INT" && (Boolean(flag) || (flag === undefined && (name === "seed" || name === "noise_seed")));
}

function uploadOf(options: JsonObject): Upload | undefined {
  const kinds: Upload[] = ["image", "video", "audio", "file"];
  return kinds.find((kind) => options[`${kind}_upload`] === true);
}

function readOutputs(info: JsonObject): OutputDef[] {
  const names = list(info.output_name);
  const tooltips = list(info.output_tooltips);
  return list(info.output).map((type, i) => ({
    name: text(names[i]) ?? key(type),
    type: Array.isArray(type) ? "COMBO" : key(type),
    list: list(info.output_is_list)[i] === true,
    ...(text(tooltips[i]) ? { tooltip: text(tooltips[i])! } : {}),
  }));
}

/** The inputs that one option of a dynamic menu brings, named `menu.input`. */
export function chosenInputs(input: InputDef, option: Json | undefined): InputDef[] {
  if (input.widget !== "dynamic") return [];
  const chosen = list(input.options.options).find((choice) => object(choice).key === option);
  return readInputs(object(object(chosen).inputs)).map((inner) => ({ ...inner, name: `${input.name}.${inner.name}` }));
}

/** The types of the nodes that only the editor knows; the server takes them out of what it runs. */
export const REROUTE = "Reroute";
export const NOTE = "Note";
export const MARKDOWN = "MarkdownNote";
export const PRIMITIVE = "PrimitiveNode";

const VIRTUAL: [string, NodeDef][] = [
  [REROUTE, { "": ["*"] }, ["*"]] as const,
  [NOTE, { text: ["STRING", { multiline: true, socketless: true }] }, []] as const,
  [MARKDOWN, { text: ["STRING", { multiline: true, socketless: true }] }, []] as const,
  [PRIMITIVE, {}, ["*"]] as const,
].map(([type, required, output]) => [
  type,
  readDef(type, {
    display_name: { PrimitiveNode: "Primitive", MarkdownNote: "Markdown Note" }[type as string] ?? type,
    category: "utils",
    python_module: "editor",
    input: { required: required as JsonObject },
    output,
    output_name: type === PRIMITIVE ? ["connect to widget input"] : [""],
  }),
]);
