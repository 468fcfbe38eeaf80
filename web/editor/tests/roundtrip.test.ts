import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { read } from "../src/model/read";
import { readDefs } from "../src/model/nodes";
import { write } from "../src/model/write";
import type { JsonObject } from "../src/model/types";

const folder = process.env.CONFORMANCE ?? "";
const info = JSON.parse(readFileSync(`${folder}/object_info.json`, "utf8")) as JsonObject;
const defs = readDefs(info);
const files = readdirSync(`${folder}/workflows`).filter((name) => name.endsWith(".workflow.json"));

/** Without what we add. */
function strip(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) =>
    key === "widgets_values_named" ? undefined : inner,
  );
}

describe("reading and writing", () => {
  it.each(files)("%s", (name) => {
    const raw = JSON.parse(readFileSync(`${folder}/workflows/${name}`, "utf8")) as JsonObject;
    expect(strip(write(read(raw, defs), defs))).toEqual(strip(raw));
  });
});
