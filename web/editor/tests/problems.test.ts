import { expect, test } from "vitest";
import { failuresOf, problemsOf } from "../src/run/problems";

const error = { type: "value_not_in_list", message: "A value is not in its list", details: "ckpt_name is gone" };

test("problems are told at their inputs", () => {
  const answer = {
    error: { type: "prompt_outputs_failed_validation", message: "No output of the prompt can be made", extra_info: {} },
    node_errors: { "7:4": { errors: [{ ...error, extra_info: { input_name: "ckpt_name" } }], class_type: "Load" } },
  };
  expect(problemsOf(answer)).toEqual([
    { node: "7:4", input: "ckpt_name", message: "ckpt_name is gone", severity: "error" },
  ]);
});

test("a refusal of the whole says why", () => {
  const nothing = { type: "prompt_no_outputs", message: "The graph makes nothing", details: "", extra_info: {} };
  expect(problemsOf({ error: nothing, node_errors: {} })).toEqual([
    { node: "", message: "The graph makes nothing", severity: "error" },
  ]);
  const node = { ...nothing, message: "There is no node type Foo", extra_info: { node_id: "3" } };
  expect(problemsOf({ error: node })[0]?.node).toBe("3");
});

test("notes are warnings, at their nodes where they name one", () => {
  expect(problemsOf({ node_errors: {}, notes: ["12:3 is old", "nothing to save"] })).toEqual([
    { node: "12:3", message: "is old", severity: "warning" },
    { node: "", message: "nothing to save", severity: "warning" },
  ]);
});

test("a failed job names all nodes that failed", () => {
  const failure = { node_id: "3", exception_type: "OOM", exception_message: "no memory" };
  expect(failuresOf({ ...failure, also_failed: [{ node_id: "4", exception_message: "nor here" }] })).toEqual([
    { node: "3", message: "OOM: no memory", severity: "error" },
    { node: "4", message: "nor here", severity: "error" },
  ]);
});
