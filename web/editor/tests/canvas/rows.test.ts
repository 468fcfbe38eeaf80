import { describe, expect, it } from "vitest";
import { isMarked, slotMarks } from "../../src/canvas/marks";
import { rowsOf } from "../../src/canvas/rows";
import { showSocket } from "../../src/edit/values";
import { readDef } from "../../src/model/nodes";
import type { Node } from "../../src/model/types";
import { textToImage } from "../building";

const b = textToImage();
const marks = slotMarks(b.doc.root);
const none = { inputs: "", outputs: "" };
const sampler = b.doc.root.nodes.get(b.ids.sampler!)!;
const def = b.at.defs.get("KSampler")!;

describe("the rows of a node", () => {
  it("are its sockets, then its widgets, each with the socket that it has", () => {
    const rows = rowsOf(sampler, def, marks.get(sampler.id)!);
    expect(rows.inputs.map((row) => row.name)).toEqual(["model", "positive", "negative", "latent_image"]);
    expect(rows.inputs.every((row) => row.linked)).toBe(true);
    expect(rows.outputs.map((row) => [row.label, row.linked])).toEqual([["LATENT", true]]);
    const control = rows.widgets.find((row) => row.role === "control")!;
    expect(control.socket).toBeUndefined();
    for (const row of rows.widgets.filter((one) => one.role === "value")) {
      expect(sampler.inputs[row.socket!.slot]!.name).toBe(row.name);
      expect(row.value).toEqual(sampler.values[row.name]);
    }
  });

  it("show a widget that was turned into a socket among the sockets", () => {
    const doc = showSocket(b.at, sampler.id, "steps", true);
    const rows = rowsOf(doc.root.nodes.get(sampler.id)!, def, none);
    expect(rows.inputs.map((row) => row.name)).toContain("steps");
    expect(rows.widgets.map((row) => row.name)).not.toContain("steps");
  });

  it("are sockets only where nobody knows the node", () => {
    const rows = rowsOf(sampler, undefined, none);
    expect(rows.inputs.length).toBe(sampler.inputs.length);
    expect(rows.widgets).toEqual([]);
  });
});

describe("folding", () => {
  const optional = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, ["IMAGE"]]));
  const advanced = { deep: ["INT", { advanced: true }] };
  const wide = readDef("Wide", {
    input: { required: { main: ["IMAGE"], ...advanced }, optional },
    output: [],
  } as never);
  const inputs = ["main", "a", "b", "c", "d", "deep"].map((name) => ({
    name,
    type: name === "deep" ? "INT" : "IMAGE",
    ...(name === "deep" ? { widget: name } : {}),
  }));
  const node: Node = { ...sampler, type: "Wide", inputs, outputs: [], values: {} };

  it("leaves out many optional sockets without links, and advanced widgets", () => {
    const rows = rowsOf(node, wide, none);
    expect(rows.inputs.map((row) => row.name)).toEqual(["main"]);
    expect([rows.widgets.length, rows.foldable]).toEqual([0, 5]);
  });

  it("never leaves out what has a link", () => {
    const rows = rowsOf(node, wide, { inputs: ",2,5,", outputs: "" });
    expect(rows.inputs.map((row) => row.name)).toEqual(["main", "a", "b", "c", "d"]);
    expect(rows.widgets.map((row) => row.name)).toEqual(["deep"]);
  });

  it("shows all when asked, and on subgraphs always", () => {
    expect(rowsOf(node, wide, none, true)).toMatchObject({ foldable: 5 });
    expect(rowsOf(node, wide, none, "always").foldable).toBe(0);
    expect(rowsOf(node, wide, none, "always").inputs.length).toBe(5);
  });
});

describe("marks", () => {
  it("name slots exactly", () => {
    expect(isMarked(",10,", 1)).toBe(false);
    expect(isMarked(",1,10,", 1)).toBe(true);
    expect(isMarked("", 0)).toBe(false);
  });
});
