import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readInputs, type InputDef } from "../../src/model/nodes";
import type { JsonObject } from "../../src/model/types";
import { evaluate } from "../../src/widgets/arithmetic";
import { allowed, decimals, dragSteps, fraction, parse, rulesOf, shown, stepped } from "../../src/widgets/number";

function def(type: "INT" | "FLOAT", options: JsonObject): InputDef {
  return readInputs({ required: { x: [type, options] } })[0]!;
}

const width = rulesOf(def("INT", { default: 512, min: 16, max: 16384, step: 8 }));
const cfg = rulesOf(def("FLOAT", { default: 8, min: 0, max: 100, step: 0.1, round: 0.01 }));
const seed = rulesOf(def("INT", { min: 0, max: 18446744073709551615n }));

describe("arithmetic", () => {
  it.each([
    ["2*512+64", 1088n],
    ["2 * (512 + 64)", 1152n],
    ["-2^2", -4n],
    ["2^3^2", 512n],
    ["2**-1", 0.5],
    ["7/2", 3.5],
    ["8/2", 4n],
    ["7 % 4", 3n],
    ["1e3", 1000],
    ["0,5 + .25", 0.75],
    ["3×4 − 2", 10n],
    ["0xff", 255n],
    ["18446744073709551615 - 1", 18446744073709551614n],
    ["--3", 3n],
  ])("%s", (text, value) => {
    expect(evaluate(text)).toBe(value);
  });

  it.each(["", " ", "abc", "2+", "(2", "2)", "1 2", "2**", "alert(1)", "1/0", "constructor", "9".repeat(201)])(
    "%j is none",
    (text) => {
      expect(evaluate(text)).toBeUndefined();
    },
  );

  it("computes what JavaScript computes", () => {
    const leaf = fc.integer({ min: -999, max: 999 }).map((n) => (n < 0 ? `(${n})` : String(n)));
    const { tree } = fc.letrec<{ tree: string }>((again) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc
          .tuple(again("tree"), fc.constantFrom("+", "-", "*"), again("tree"))
          .map(([a, sign, b]) => `(${a} ${sign} ${b})`),
      ),
    }));
    const computed = (text: string) => Function(`return ${text.replace(/\d+/g, "$&n")}`)() as bigint;
    fc.assert(fc.property(tree, (text) => void expect(evaluate(text)).toBe(computed(text))));
  });

  it("never throws and never hangs", () => {
    const signs = fc.constantFrom("1", "9", ".", ",", "(", ")", "^", "*", "/", "%", "-", "e", " ", "x");
    const texts = fc.array(signs, { maxLength: 60 }).map((parts) => parts.join(""));
    fc.assert(fc.property(texts, (text) => void evaluate(text)));
  });
});

describe("a number field", () => {
  it("keeps to bounds and steps of its definition", () => {
    expect(parse("2*512+64", width)).toBe(1088);
    expect(parse("513", width)).toBe(512);
    expect(parse("1", width)).toBe(16);
    expect(parse("1e9", width)).toBe(16384);
    expect(parse("7.777", cfg)).toBe(7.78);
    expect(parse("-1", cfg)).toBe(0);
  });

  it("holds a seed of 64 bits exactly", () => {
    expect(parse("18446744073709551615", seed)).toBe(18446744073709551615n);
    expect(parse("18446744073709551616", seed)).toBe(18446744073709551615n);
    expect(stepped(18446744073709551614n, 1, seed)).toBe(18446744073709551615n);
    expect(stepped(18446744073709551615n, 1, seed)).toBe(18446744073709551615n);
    expect(stepped(0, -1, seed)).toBe(0);
    expect(shown(12345678901234567890n, seed)).toBe("12345678901234567890");
  });

  it("steps without dust", () => {
    expect(stepped(0.1, 2, cfg)).toBe(0.3);
    expect(stepped(0.25, 1, cfg)).toBe(0.35);
    expect(stepped(512, 1, width)).toBe(520);
    expect(stepped(100, 1, cfg)).toBe(100);
  });

  it("always allows what it allowed", () => {
    const rules = fc.record({
      min: fc.integer({ min: -1000, max: 0 }),
      max: fc.integer({ min: 1, max: 1000 }),
      step: fc.constantFrom(1, 2, 8, 64),
    });
    fc.assert(
      fc.property(rules, fc.oneof(fc.integer(), fc.double({ noNaN: true })), (options, value) => {
        for (const type of ["INT", "FLOAT"] as const) {
          const made = rulesOf(def(type, { ...options, round: 0.01 }));
          const once = allowed(value, made);
          expect(once >= options.min && once <= options.max).toBe(true);
          if (type === "FLOAT" || once !== options.max) expect(allowed(once, made)).toBe(once);
        }
      }),
    );
  });

  it("is shown with the decimals of its step", () => {
    expect(shown(8, cfg)).toBe("8.0");
    expect(shown(7.25, cfg)).toBe("7.25");
    expect(shown(512, width)).toBe("512");
    expect(shown(null, width)).toBe("");
    expect(decimals(1e-7)).toBe(7);
  });

  it("shows a bar only where the range means something", () => {
    expect(fraction(50, cfg)).toBe(0.5);
    expect(fraction(1, seed)).toBeUndefined();
    expect(fraction(1, rulesOf(def("FLOAT", {})))).toBeUndefined();
  });

  it("moves by the hand's breadth", () => {
    expect(dragSteps(16, rulesOf(def("FLOAT", { min: 0, max: 1, step: 0.05 })), false, false)).toBe(2);
    expect(dragSteps(-9, cfg, false, true)).toBe(-45);
  });
});
