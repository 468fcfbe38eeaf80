import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "../src/model/types";
import { changes } from "../src/panels/diff";

const node = (class_type: string, inputs: JsonObject, title?: string): JsonObject => ({
  class_type,
  inputs,
  ...(title ? { _meta: { title } } : {}),
});

const graph: JsonObject = {
  "1": node("Load", { name: "a.safetensors" }),
  "2": node("Sample", { model: ["1", 0], seed: 5 }, "My sampler"),
  "3": node("Save", { image: ["2", 0] }),
};

test("a graph does not differ from itself", () => {
  expect(changes(graph, structuredClone(graph))).toEqual([]);
});

test("values that changed are told with their node and input", () => {
  const after = { ...graph, "2": node("Sample", { model: ["1", 0], seed: 2n ** 63n }, "My sampler") };
  expect(changes(graph, after)).toEqual([
    { node: "2", title: "My sampler", kind: "changed", input: "seed", before: "5", after: "9223372036854775808" },
  ]);
});

test("nodes and inputs come and go, and links are told by their node", () => {
  const after = {
    ...graph,
    "2": node("Sample", { model: ["4", 0], seed: 5, steps: 3 }, "My sampler"),
    "4": node("Lora", { model: ["1", 0] }),
  };
  expect(changes(graph, after)).toEqual([
    {
      node: "2",
      title: "My sampler",
      kind: "changed",
      input: "model",
      before: "← Load #1 [0]",
      after: "← Lora #4 [0]",
    },
    { node: "2", title: "My sampler", kind: "changed", input: "steps", after: "3" },
    { node: "4", title: "Lora", kind: "added" },
  ]);
});

test("nodes with other ids are the same nodes", () => {
  const after = {
    "11": node("Load", { name: "b.safetensors" }),
    "12": node("Sample", { model: ["11", 0], seed: 5 }, "My sampler"),
    "13": node("Save", { image: ["12", 0] }),
  };
  expect(changes(graph, after).map((change) => [change.node, change.input])).toEqual([["11", "name"]]);
});

test("anything can be compared with anything", () => {
  const json = fc.jsonValue() as fc.Arbitrary<JsonObject>;
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), fc.dictionary(fc.string(), json), (before, after) => {
      changes(before, after);
      expect(changes(before, before)).toEqual([]);
    }),
  );
});
