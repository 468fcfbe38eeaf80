import { describe, expect, it } from "vitest";
import { readDef, readDefs } from "../src/model/nodes";
import { completeInputs, readSlot, slotsOf } from "../src/model/slots";
import type { JsonObject } from "../src/model/types";
import { defaultValues, fill, inputsOf, saved, widgetsOf } from "../src/model/widgets";
import { defs } from "./conformance";

const def = (required: JsonObject, more: JsonObject = {}) => readDef("T", { input: { required, ...more } });
const names = (all: readonly { name: string }[]) => all.map(({ name }) => name);

describe("a node type", () => {
  it("is read in both ways that servers write menus", () => {
    const { inputs } = def({ old: [["a", "b"], { default: "b" }], now: ["COMBO", { options: ["c", "d"] }] });
    expect(inputs.map((input) => [input.type, input.widget, input.choices, input.default])).toEqual([
      ["COMBO", "combo", ["a", "b"], "b"],
      ["COMBO", "combo", ["c", "d"], "c"],
    ]);
  });

  it("has required inputs first, in the order that the server gives", () => {
    const read = readDef("T", {
      input: { optional: { z: ["INT"] }, required: { b: ["INT"], a: ["MODEL"] }, hidden: { h: "PROMPT" } },
      input_order: { required: ["a", "b"], optional: ["z"] },
    });
    expect(names(read.inputs)).toEqual(["a", "b", "z"]);
    expect(read.inputs.map((input) => input.optional)).toEqual([false, false, true]);
  });

  it.each([
    ["INT", {}, "int", 0],
    ["FLOAT", { default: 1.5 }, "float", 1.5],
    ["STRING", {}, "text", ""],
    ["STRING", { multiline: true }, "longtext", ""],
    ["BOOLEAN", { default: true }, "toggle", true],
    ["COLOR", {}, "color", "#ffffff"],
    ["FOO", { widgetType: "STRING" }, "text", ""],
    ["MODEL", {}, undefined, null],
    ["INT", { forceInput: true }, undefined, 0],
    ["STRING", { defaultInput: true }, undefined, ""],
  ])("%s %j is filled in as %s", (type, options, widget, value) => {
    const input = def({ x: [type, options] }).inputs[0]!;
    expect([input.widget, input.default]).toEqual([widget, value]);
  });

  it("knows seeds by their flag, or by their name", () => {
    const inputs = def({
      seed: ["INT", {}],
      noise_seed: ["INT", { control_after_generate: false }],
      other: ["INT", { control_after_generate: true }],
      count: ["INT", {}],
    }).inputs;
    expect(inputs.filter((input) => input.controlled).map(({ name }) => name)).toEqual(["seed", "other"]);
  });

  it("reads everything that a server sends", () => {
    expect(defs.size).toBeGreaterThan(250);
    for (const one of defs.values()) for (const input of one.inputs) expect(input.type).not.toBe("");
    expect(readDefs({}).has("Reroute")).toBe(true);
  });

  it("may be anything: nothing is believed", () => {
    const odd = readDef("T", { input: { required: { a: null, b: [], c: ["INT", 3], d: "x" } }, output: [["a"], 3] });
    expect(odd.inputs.map((input) => input.type)).toEqual(["*", "*", "INT", "*"]);
    expect(odd.outputs.map((output) => output.type)).toEqual(["COMBO", "3"]);
  });
});

describe("widgets", () => {
  const sampler = defs.get("KSampler")!;

  it("stand in the order of saved values, with what the editor adds", () => {
    expect(names(widgetsOf(sampler, {}))).toEqual([
      "seed",
      "control_after_generate",
      "steps",
      "cfg",
      "sampler_name",
      "scheduler",
      "denoise",
    ]);
    expect(names(widgetsOf(defs.get("LoadImage")!, {}))).toEqual(["image", "upload"]);
  });

  it("take values by name before those by position", () => {
    const values = fill(sampler, [1, "fixed", 2, 3, "a", "b", 0.5], { steps: 50 });
    expect([values.steps, values.seed, values.denoise]).toEqual([50, 0, 1]);
    expect(fill(sampler, { steps: 9, seed: 4 }, undefined)).toMatchObject({ steps: 9, seed: 4, cfg: 8 });
  });

  it("take defaults for what is not there, and pass over what is too much", () => {
    expect(fill(sampler, [7, "randomize", 3], undefined)).toMatchObject({ seed: 7, steps: 3, cfg: 8, denoise: 1 });
    const many = [7, "fixed", 3, 4, "euler", "normal", 0.5, "x", "y"];
    expect(fill(sampler, many, undefined).denoise).toBe(0.5);
  });

  it("pass over the values that old files have for sockets", () => {
    const forced = def({ a: ["INT", {}], b: ["INT", { forceInput: true }], c: ["INT", {}] });
    expect(fill(forced, [1, 2, 3], undefined)).toEqual({ a: 1, c: 3 });
    expect(fill(forced, [1, 3], undefined)).toEqual({ a: 1, c: 3 });
  });

  it("read the seed modes of the first editors", () => {
    const seed = def({ seed: ["INT", {}] });
    expect(fill(seed, [1, true], undefined).control_after_generate).toBe("randomize");
    expect(fill(seed, [1, false], undefined).control_after_generate).toBe("fixed");
  });

  it("of two seeds have two modes", () => {
    const two = def({ seed: ["INT", {}], noise_seed: ["INT", {}] });
    const values = fill(two, [1, "fixed", 2, "increment"], undefined);
    expect(values).toEqual({
      seed: 1,
      control_after_generate: "fixed",
      noise_seed: 2,
      "control_after_generate:noise_seed": "increment",
    });
    expect(saved(two, values).positions).toEqual([1, "fixed", 2, "increment"]);
  });

  it("have the entry for an upload last", () => {
    const upload = def({ image: [["a"], { image_upload: true }], size: ["INT", {}] });
    expect(names(widgetsOf(upload, {}))).toEqual(["image", "size", "upload"]);
    expect(saved(upload, { image: "a", size: 3 }).positions).toEqual(["a", 3, "image"]);
  });

  it("come and go with the option of a dynamic menu", () => {
    const resize = defs.get("ZzResize")!;
    const values = fill(resize, ["dimensions", 640, 480, "disabled", "lanczos"], undefined);
    expect(values).toEqual({
      resize_type: "dimensions",
      "resize_type.width": 640,
      "resize_type.height": 480,
      "resize_type.crop": "disabled",
      scale_method: "lanczos",
    });
    expect(names(widgetsOf(resize, { resize_type: "none" }))).toEqual(["resize_type", "scale_method"]);
    expect(names(inputsOf(resize, { resize_type: "match" }))).toContain("resize_type.match");
    expect(defaultValues(resize).resize_type).toBe("by multiplier");
  });

  it("turn what stands in long texts into text, and no menu into nothing", () => {
    const all = def({ text: ["STRING", { multiline: true }], one: ["STRING", {}], menu: [["a", "b"], {}] });
    expect(fill(all, [["a", "b"], 5, null], undefined)).toEqual({ text: "a,b", one: 5, menu: "a" });
    expect(fill(all, [null, null, "gone"], undefined)).toEqual({ text: "", one: null, menu: "gone" });
  });
});

describe("sockets", () => {
  it("keep their places in the file, and those that it lacks come last", () => {
    const stored = ["steps", "model"].map((name) => readSlot({ name, type: "X", link: null }));
    const slots = completeInputs(defs.get("KSampler")!, {}, stored);
    expect(names(slots).slice(0, 3)).toEqual(["steps", "model", "positive"]);
    expect([slots[0]!.type, slots[0]!.widget, slots[1]!.type]).toEqual(["INT", "steps", "MODEL"]);
  });

  it("grow by one when the last is linked", () => {
    const batch = defs.get("ZzBatch")!;
    expect(names(slotsOf(batch, {}))).toEqual(["images.image0", "images.image1"]);
    const full = ["images.image0", "images.image1"].map((name) => readSlot({ name, type: "IMAGE", link: 4 }));
    expect(names(completeInputs(batch, {}, full))).toEqual(["images.image0", "images.image1", "images.image2"]);
    expect(names(slotsOf(defs.get("ZzNames")!, {}))).toEqual(["v.a", "v.b", "v.c", "expression"]);
  });
});
