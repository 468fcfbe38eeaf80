import { describe, expect, it } from "vitest";
import { read } from "../src/model/read";
import { write } from "../src/model/write";
import { defs, names, workflow } from "./conformance";
import { meaning } from "./meaning";

/** Without what we add to files: the values by name. */
function bare(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) =>
    key === "widgets_values_named" ? undefined : inner,
  );
}

describe.each(names)("%s", (name) => {
  const raw = workflow(name);
  const doc = read(raw, defs);

  it("is written as it was read", () => {
    expect(bare(write(doc, defs))).toEqual(bare(raw));
  });

  it("means the same in the other version", () => {
    const other = write(doc, defs, doc.version === 1 ? 0.4 : 1);
    expect(meaning(read(other, defs))).toEqual(meaning(doc));
  });

  it("gets a name for every value, and reads them alike", () => {
    expect(meaning(read(write(doc, defs), defs))).toEqual(meaning(doc));
  });

  it("is kept where nobody knows its nodes", () => {
    const strange = new Map();
    expect(bare(write(read(raw, strange), strange))).toEqual(bare(raw));
  });
});
