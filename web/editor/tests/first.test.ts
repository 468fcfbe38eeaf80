import { describe, expect, it } from "vitest";
import { prepared } from "../src/first/first";
import { placeCard, STEPS } from "../src/first/tour";
import { bounds, overlap } from "../src/model/geometry";
import { readDefs } from "../src/model/nodes";
import { read } from "../src/model/read";

describe("the first graph", () => {
  it("has random seeds", () => {
    const input = { required: { seed: ["INT", { control_after_generate: true }] } };
    const defs = readDefs({ Sampler: { input, output: ["IMAGE"], output_name: ["IMAGE"] } });
    const node = { id: 1, type: "Sampler", pos: [0, 0], widgets_values: [1, "fixed"], inputs: [], outputs: [] };
    const doc = prepared(read({ nodes: [node], links: [], version: 0.4 }, defs), false);
    expect(doc.root.nodes.get("1")?.values).toEqual({ seed: 1, control_after_generate: "randomize" });
  });
});

describe("the first graph of the server", () => {
  it.each([true, false])("is placed without overlaps, narrow: %s", (narrow) => {
    const types = ["CheckpointLoaderSimple", "CLIPTextEncode", "CLIPTextEncode", "EmptyLatentImage", "KSampler"];
    const nodes = [...types, "VAEDecode", "SaveImage"].map((type, i) => ({ id: i + 1, type, pos: [0, 0] }));
    const doc = prepared(read({ nodes, links: [], version: 0.4 }, readDefs({})), narrow);
    const placed = [...doc.root.nodes.values()].map((node) => bounds(node, node.size!));
    for (const [i, a] of placed.entries()) {
      for (const b of placed.slice(i + 1)) expect(overlap(a, b)).toBe(false);
    }
  });
});

describe("the tour", () => {
  const view = { width: 1000, height: 700 };
  const card = { width: 320, height: 160 };
  const target = (left: number, top: number, width: number, height: number) => ({
    left,
    top,
    right: left + width,
    bottom: top + height,
  });

  it("has four steps", () => {
    expect(STEPS).toHaveLength(4);
  });

  it.each([
    ["right of it", target(100, 50, 200, 100), { left: 314, top: 50 }],
    ["left of it", target(700, 50, 200, 100), { left: 366, top: 50 }],
    ["under it", target(100, 50, 800, 100), { left: 340, top: 164 }],
    ["over it", target(100, 500, 800, 190), { left: 340, top: 326 }],
    ["at the bottom", target(10, 10, 980, 680), { left: 340, top: 510 }],
    ["in sight where the target is not", target(-900, -300, 200, 100), { left: 10, top: 10 }],
  ])("places its card %s", (_, box, wanted) => {
    expect(placeCard(box, card, view)).toEqual(wanted);
  });

  it("is under a button", () => {
    expect(placeCard(target(900, 10, 80, 30), card, view)).toEqual({ left: 670, top: 54 });
  });

  it("needs no target", () => {
    expect(placeCard(undefined, card, view)).toEqual({ left: 340, top: 510 });
  });
});
