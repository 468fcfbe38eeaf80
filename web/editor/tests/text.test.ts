import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson, printJson } from "../src/model/jsontext";
import { key, numbers, same } from "../src/model/json";
import { isWorkflow, read } from "../src/model/read";
import type { Json } from "../src/model/types";
import { write } from "../src/model/write";
import { defs } from "./conformance";

describe("JSON text", () => {
  it("is read as JSON.parse reads it, and printed as it was", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text)).toEqual(JSON.parse(text));
        expect(JSON.parse(printJson(parseJson(text)))).toEqual(JSON.parse(text));
      }),
    );
  });

  it("keeps whole numbers of 64 bits", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), (seed) => {
        const text = `{"seed":${seed},"list":[${seed}]}`;
        expect(printJson(parseJson(text))).toBe(text);
      }),
    );
  });

  it("leaves what stands in texts alone", () => {
    const text = '{"a":"NaN and 12345678901234567890 \\" Infinity","b":12345678901234567890}';
    expect(parseJson(text)).toEqual({ a: 'NaN and 12345678901234567890 " Infinity', b: 12345678901234567890n });
    expect(printJson(parseJson(text))).toBe(text);
  });

  it("reads what is no number as null, and nothing else that is no JSON", () => {
    expect(parseJson('[NaN,-Infinity,Infinity,1.5e3,"NaN"]')).toEqual([null, null, null, 1500, "NaN"]);
    expect(() => parseJson("{NaN: 1}")).toThrow(SyntaxError);
    expect(() => parseJson("")).toThrow(SyntaxError);
  });

  it("of a workflow with a large seed is saved with that seed", () => {
    const text =
      '{"nodes":[{"id":1,"type":"KSampler","widgets_values":[18446744073709551615,"fixed",20,8,"euler","normal",1]}],"links":[],"version":0.4}';
    const doc = read(parseJson(text) as never, defs);
    expect(doc.root.nodes.get("1")!.values.seed).toBe(18446744073709551615n);
    expect(printJson(write(doc, defs))).toContain("[18446744073709551615,");
  });
});

describe("files of any form", () => {
  const json = fc.letrec<{ json: Json }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        null,
        true,
        1,
        0,
        -2.5,
        "x",
        "1",
        -10,
        -20,
        "KSampler",
        "Reroute",
        "ZzResize",
        "ZzBatch",
        "PrimitiveNode",
      ),
      fc.array(tie("json"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...KEYS), tie("json"), { maxKeys: 8, noNullPrototype: true }),
    ),
  })).json;

  it("are read without a fault, and written as they were", () => {
    fc.assert(
      fc.property(
        fc.record({ nodes: json, links: json, groups: json, extra: json, definitions: json, version: json }),
        (raw) => {
          const doc = read(raw as never, defs);
          expect(() => write(doc, defs)).not.toThrow();
          expect(() => write(doc, defs, doc.version === 1 ? 0.4 : 1)).not.toThrow();
        },
      ),
      { numRuns: 500 },
    );
  });

  it("are known for what they are", () => {
    expect(isWorkflow({ nodes: [] })).toBe(true);
    expect(isWorkflow({ "1": { class_type: "A", inputs: {} } })).toBe(false);
    expect(isWorkflow(null)).toBe(false);
  });
});

const KEYS = [
  "id",
  "type",
  "pos",
  "size",
  "inputs",
  "outputs",
  "name",
  "link",
  "links",
  "widgets_values",
  "properties",
  "proxyWidgets",
  "subgraphs",
  "nodes",
  "origin_id",
  "origin_slot",
  "target_id",
  "target_slot",
  "reroutes",
  "parentId",
  "state",
  "0",
  "1",
];

describe("small things", () => {
  it("reads places in both forms", () => {
    expect(numbers([1, "2"], 2)).toEqual([1, 2]);
    expect(numbers({ "0": 3, "1": 4 }, 2)).toEqual([3, 4]);
    expect(numbers([1], 2)).toBeUndefined();
    expect([key(3), key("a:3")]).toEqual(["3", "a:3"]);
  });

  it("compares by value, without what is undefined", () => {
    expect(same({ a: 1, b: undefined, c: [1, { d: 2n }] }, { c: [1, { d: 2n }], a: 1 })).toBe(true);
    expect([same([1], [1, 2]), same({ a: 1 }, { a: "1" }), same(null, {})]).toEqual([false, false, false]);
  });
});
