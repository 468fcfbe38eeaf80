import fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "../src/model/types";
import { parse, print } from "../src/run/server";

test("whole numbers of any size survive", () => {
  const words = '{"seed":18446744073709551615,"less":-9007199254740993,"text":"18446744073709551615","float":1.5e30}';
  const value = parse(words);
  expect(value).toEqual({
    seed: 18446744073709551615n,
    less: -9007199254740993n,
    text: "18446744073709551615",
    float: 1.5e30,
  });
  expect(parse(print(value))).toEqual(value);
});

test("what is no number is null", () => {
  expect(parse('{"a":[NaN,Infinity,-Infinity],"NaN":"NaN"}')).toEqual({ a: [null, null, null], NaN: "NaN" });
});

test("all else is as JSON has it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const words = JSON.stringify(value);
      fc.pre(!/\d{16}/.test(words)); // large numbers are told apart from floats by how they are written
      expect(parse(print(value as Json))).toEqual(JSON.parse(words));
    }),
  );
});
