import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connect } from "../src/edit/links";
import { toggleMode } from "../src/edit/nodes";
import { graphOf } from "../src/edit/place";
import { setValue, widgetsAt } from "../src/edit/values";
import { readDef } from "../src/model/nodes";
import { drawn, next, rolled } from "../src/model/seeds";
import { MUTED, type Json, type JsonObject } from "../src/model/types";
import { textToImage } from "./building";
import { defs } from "./conformance";

const input = (type: Json, options: JsonObject) =>
  readDef("T", { input: { required: { x: [type, options] } } }).inputs[0]!;
const SEED = input("INT", { min: 0, max: 18446744073709551615 });

describe("what follows a seed", () => {
  it.each<[Json, string, Json]>([
    [5, "fixed", 5],
    [5, "increment", 6],
    [5, "decrement", 4],
    [0, "decrement", 0],
    [Number.MAX_SAFE_INTEGER, "increment", 9007199254740992n],
    [9007199254740992n, "decrement", Number.MAX_SAFE_INTEGER],
    [2n ** 63n, "increment", 2n ** 63n + 1n],
    ["words", "increment", "words"],
  ])("%s, %s", (value, mode, then) => expect(next(SEED, value, mode)).toBe(then));

  it("stays within its bounds", () => {
    const small = input("INT", { min: 1, max: 6 });
    expect(next(small, 6, "increment")).toBe(6);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        expect([1, 2, 3, 4, 5, 6]).toContain(next(small, 3, "randomize", () => random));
        const seed = next(SEED, 3, "randomize", () => random);
        expect(Number.isSafeInteger(seed)).toBe(true);
      }),
    );
  });

  it("is exact in every program that reads JSON, however large it may be", () => {
    const huge = input("INT", { min: 5, max: 18446744073709551615n });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
        const seed = drawn(huge, () => random);
        expect(Number.isSafeInteger(seed) && seed >= 5).toBe(true);
      }),
    );
    expect(drawn(input("INT", { min: 3, max: 3 }))).toBe(3);
  });

  it("of a fraction goes by its step", () => {
    const strength = input("FLOAT", { min: 0, max: 1, step: 0.1 });
    expect(next(strength, 0.2, "increment")).toBe(0.3);
    expect(next(strength, 0.3, "decrement")).toBe(0.2);
  });

  it("of a menu is another choice, of those that a filter leaves", () => {
    const menu = input(["a1", "a2", "b1"], {});
    expect(next(menu, "a1", "increment")).toBe("a2");
    expect(next(menu, "b1", "increment")).toBe("b1");
    expect(next(menu, "b1", "increment-wrap")).toBe("a1");
    expect(next(menu, "a1", "decrement")).toBe("a1");
    expect(next(menu, "a1", "increment", Math.random, "/1$/")).toBe("b1");
    expect(next(menu, "a1", "randomize", () => 0.99, "A")).toBe("a2");
    expect(next(menu, "a1", "increment", Math.random, "/(/")).toBe("a2");
    expect(next(menu, "a1", "randomize", Math.random, "nothing")).toBe("a1");
  });
});

describe("rolling", () => {
  it("changes the seeds of a graph and nothing else", () => {
    const b = textToImage();
    const doc = rolled(b.doc, defs, () => 0.25);
    const [before, after] = [b.doc, doc].map(({ root }) => root.nodes.get(b.ids.sampler!)!);
    expect(after!.values.seed).not.toBe(before!.values.seed);
    expect({ ...after!.values, seed: 0 }).toEqual(before!.values);
    expect([...doc.root.nodes].filter(([id, node]) => node !== b.doc.root.nodes.get(id)).length).toBe(1);
  });

  it("is nothing where all seeds are fixed, muted or given by a link", () => {
    const b = textToImage();
    const fixed = setValue(b.at, b.ids.sampler!, "control_after_generate", "fixed");
    expect(rolled(fixed, defs)).toBe(fixed);
    const muted = toggleMode(b.at, [b.ids.sampler!], MUTED);
    expect(rolled(muted, defs)).toBe(muted);
    const int = b.node("PrimitiveInt");
    b.link(int, "INT", b.ids.sampler!, "seed");
    b.edit((at) => setValue(at, int, "control_after_generate", "fixed"));
    expect(rolled(b.doc, defs)).toBe(b.doc);
  });

  it("leaves what was changed after it ran: it is meant as it is, once", () => {
    const b = textToImage();
    const sampler = b.ids.sampler!;
    const typed = setValue(b.at, sampler, "seed", 5);
    expect(rolled(typed, defs, () => 0.25, b.doc)).toBe(typed);
    const again = rolled(typed, defs, () => 0.25, typed);
    expect(again.root.nodes.get(sampler)!.values.seed).not.toBe(5);
    const steps = setValue(b.at, sampler, "steps", 5);
    expect(rolled(steps, defs, () => 0.25, b.doc)).not.toBe(steps);
  });

  it("goes for primitives too, which show what they feed", () => {
    const b = textToImage();
    const primitive = b.node("PrimitiveNode");
    const slot = graphOf(b.at)
      .nodes.get(b.ids.sampler!)!
      .inputs.findIndex((one) => one.name === "seed");
    b.edit((at) => connect(at, { node: primitive, slot: 0 }, { node: b.ids.sampler!, slot }));
    expect(widgetsAt(b.at, primitive).map((widget) => widget.name)).toEqual(["value", "control_after_generate"]);
    b.edit((at) => setValue(at, primitive, "control_after_generate", "increment"));
    const doc = rolled(b.doc, defs);
    expect(doc.root.nodes.get(primitive)!.values.value).toBe(1);
    expect(doc.root.nodes.get(b.ids.sampler!)).toBe(b.doc.root.nodes.get(b.ids.sampler!));
  });
});
