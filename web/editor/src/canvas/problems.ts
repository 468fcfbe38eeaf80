/** The problems of one node, in a form that stays the same object until they change. */

import type { NodeProblem } from "../run/types";

export interface NodeProblems {
  readonly byInput: ReadonlyMap<string, string>;
  /** What is about no input. */
  readonly whole?: string;
  readonly severity?: "error" | "warning";
}

const NONE: NodeProblems = { byInput: new Map() };
const grouped = new WeakMap<readonly NodeProblem[], Map<string, NodeProblems>>();

export function problemsOf(all: readonly NodeProblem[], id: string): NodeProblems {
  let groups = grouped.get(all);
  if (!groups) grouped.set(all, (groups = group(all)));
  return groups.get(id) ?? NONE;
}

function group(all: readonly NodeProblem[]): Map<string, NodeProblems> {
  const ids = new Set(all.map((problem) => problem.node));
  return new Map([...ids].map((id) => [id, summary(all.filter((problem) => problem.node === id))]));
}

function summary(all: readonly NodeProblem[]): NodeProblems {
  const byInput = new Map<string, string>();
  for (const { input, message } of all) {
    if (input !== undefined) byInput.set(input, [byInput.get(input), message].filter(Boolean).join("\n"));
  }
  const whole = all.filter((problem) => problem.input === undefined).map((problem) => problem.message);
  const severity = all.some((problem) => problem.severity === "error") ? "error" : "warning";
  return { byInput, severity, ...(whole.length ? { whole: whole.join("\n") } : {}) };
}
