import { expect, test } from "vitest";
import { setLanguage } from "../src/i18n";
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

test("the usual problems are told in the language of the page", () => {
  const told = (type: string, extra_info: object) =>
    problemsOf({ node_errors: { "1": { errors: [{ type, message: "m", details: "d", extra_info }] } } } as never)[0]!
      .message;
  const bounds = { input_name: "width", input_config: ["INT", { min: 16, max: 64 }], received_value: 999 };
  expect(told("value_bigger_than_max", bounds)).toBe("d");
  setLanguage("zh-CN");
  try {
    expect(told("value_bigger_than_max", bounds)).toBe("width 为 999，最大值为 64");
    const missing = { input_name: "vae", input_config: ["VAE", {}], received_value: null };
    expect(told("required_input_missing", missing)).toBe("缺少 vae；请连接一个 VAE 类型的输出");
    expect(told("of_a_custom_node", bounds)).toBe("d");
  } finally {
    setLanguage("en");
  }
});
