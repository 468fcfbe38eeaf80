/** What the server says is wrong with a graph, by node and input. Pure. */

import { language, socketName, t, TABLE, type Filling, type Key } from "../i18n";
import { isObject, list, object, objects, text } from "../model/json";
import type { Json, JsonObject, NodeId } from "../model/types";
import type { NodeProblem } from "./types";

/** The problems of an answer to POST /prompt, whether it was accepted or refused. */
export function problemsOf(answer: JsonObject): NodeProblem[] {
  const atNodes = Object.entries(object(answer.node_errors)).flatMap(([id, told]) => ofNode(id, object(told)));
  const notes = list(answer.notes).map((note) => warning(String(note)));
  const told = new Set(atNodes.map((problem) => problem.node));
  return [...whole(answer.error, told), ...atNodes, ...notes];
}

function ofNode(node: NodeId, told: JsonObject): NodeProblem[] {
  return objects(told.errors).map((error) => {
    const input = text(object(error.extra_info).input_name);
    const message = translated(error) ?? (text(error.details) || text(error.message) || text(error.type) || "");
    return { node, ...(input ? { input } : {}), message, severity: "error" };
  });
}

const KNOWN = new Set(Object.keys(TABLE.run));

/** In the language of the page, where that is not the server's and the problem is one of the usual ones. */
function translated(error: JsonObject): string | undefined {
  const kind = text(error.type) ?? "";
  if (language() === "en" || !KNOWN.has(`problem.${kind}`)) return undefined;
  const {
    input_name: input,
    input_config: config,
    received_value: value,
    received_type: got,
  } = object(error.extra_info);
  const [type, options] = list(config);
  const { min, max } = object(options);
  const told = {
    input: socketName(text(input) ?? ""),
    value,
    got,
    min,
    max,
    type: Array.isArray(type) ? "COMBO" : type,
  };
  const filling = Object.entries(told).map(([name, one]) => [name, typeof one === "object" ? "…" : String(one)]);
  return t(`run.problem.${kind}` as Key, Object.fromEntries(filling) as Filling);
}

/** The refusal itself says nothing that its nodes do not say better. */
function whole(error: Json | undefined, told: ReadonlySet<NodeId>): NodeProblem[] {
  if (typeof error === "string") return [{ node: "", message: error, severity: "error" }];
  if (!isObject(error)) return [];
  const node = text(object(error.extra_info).node_id) ?? "";
  if (node ? told.has(node) : told.size) return [];
  const details = text(error.details);
  const said = text(error.message) || text(error.type) || "";
  const message = node || !details || details === said ? said : `${said}: ${details}`;
  return [{ node, message, severity: "error" }];
}

/** Warnings come as text that begins with the id of their node. */
function warning(note: string): NodeProblem {
  const [, node = "", message = note] = /^(\d+(?::\d+)*) (.*)$/s.exec(note) ?? [];
  return { node, message, severity: "warning" };
}

/** The nodes that a failed job names. */
export function failuresOf(error: JsonObject | undefined): NodeProblem[] {
  if (!error) return [];
  const all = [error, ...objects(error.also_failed)];
  return all.map((one) => ({
    node: text(one.node_id) ?? "",
    message: [text(one.exception_type), text(one.exception_message)].filter(Boolean).join(": "),
    severity: "error",
  }));
}
