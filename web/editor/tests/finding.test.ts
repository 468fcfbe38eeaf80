import { describe, expect, it } from "vitest";
import { addNode } from "../src/edit/nodes";
import { missing, nearest } from "../src/model/missing";
import { readDef } from "../src/model/nodes";
import { read } from "../src/model/read";
import { fitness, searchNodes, type Query } from "../src/model/search";
import { Builder, place, textToImage } from "./building";
import type { JsonObject } from "../src/model/types";
import { defs, workflow } from "./conformance";

const find = (text: string, query: Omit<Query, "text"> = {}) =>
  searchNodes(defs, { text, ...query }).map((hit) => hit.def.type);

describe("searching for a node", () => {
  it.each([
    ["ksampler", "KSampler"],
    ["KSampler (Advanced)", "KSamplerAdvanced"],
    ["load check", "CheckpointLoaderSimple"],
    ["save image", "SaveImage"],
    ["vae dec", "VAEDecode"],
    ["clip text", "CLIPTextEncode"],
    ["emptylatent", "EmptyLatentImage"],
    ["reroute", "Reroute"],
    ["primitive", "PrimitiveNode"],
  ])("%s finds %s first", (text, type) => expect(find(text)[0]).toBe(type));

  it("needs every word, anywhere", () => {
    expect(find("conditioning combine")[0]).toBe("ConditioningCombine");
    expect(find("xyzzy")).toEqual([]);
  });

  it("lists all for no word, the recent ones first", () => {
    expect(find("", { recent: ["VAEEncode", "Note"] }).slice(0, 2)).toEqual(["VAEEncode", "Note"]);
    expect(find("").length).toBe(defs.size);
  });

  it("begins with what graphs are made of, and ends with what is for testing or deprecated", () => {
    const all = find("");
    expect(all.slice(0, 4)).toEqual(["CheckpointLoaderSimple", "CLIPTextEncode", "EmptyLatentImage", "KSampler"]);
    const doubtful = all.map((type) => defs.get(type)!).map((def) => def.deprecated || def.category.startsWith("_"));
    expect(doubtful.indexOf(true)).toBe(doubtful.filter((is) => !is).length);
    expect(find("tiled")[0]).toBe("VAEDecodeTiled");
  });

  it("lists what fits a loose end, what people mostly want first", () => {
    const model = find("", { wanted: { type: "MODEL", side: "input" } });
    expect(model[0]).toBe("KSampler");
    expect(model).not.toContain("VAEDecode");
    expect(find("", { wanted: { type: "LATENT", side: "output" } })[0]).toBe("EmptyLatentImage");
    expect(find("decode", { wanted: { type: "LATENT", side: "input" } })[0]).toBe("VAEDecode");
    expect(find("", { wanted: { type: "IMAGE", side: "input" } })).toContain("Reroute");
  });

  it("fits a socket better than a widget, a required one better than an optional one", () => {
    const one = (options: JsonObject) => readDef("T", { input: { required: { x: ["INT", options] } } });
    const wanted = { type: "INT", side: "input" } as const;
    expect(fitness(one({ forceInput: true }), wanted)).toBeGreaterThan(fitness(one({}), wanted));
    expect(fitness(one({ socketless: true }), wanted)).toBe(0);
    expect(fitness(readDef("T", { output: ["*"] }), { type: "MODEL", side: "output" })).toBeGreaterThan(0);
  });

  it("knows the subgraphs of the document", () => {
    const mine = { ...readDef("id", {}), title: "My upscaling" };
    expect(find("upscaling", { more: [mine] })[0]).toBe("id");
  });

  it("is quick", () => {
    find("warm");
    const start = performance.now();
    for (const text of ["k", "ks", "ksa", "load", "image scale"]) find(text);
    expect((performance.now() - start) / 5).toBeLessThan(30);
  });
});

describe("what is missing", () => {
  it("is told with its pack and the nearest that there are", () => {
    const b = textToImage();
    const strange = {
      nodes: [{ id: 1, type: "KSamplerX", properties: { cnr_id: "a-pack" }, inputs: [], outputs: [] }],
    };
    const found = missing(read(strange, defs), defs);
    expect(found.types).toEqual([
      {
        type: "KSamplerX",
        pack: "a-pack",
        nodes: [{ level: "", node: "1" }],
        nearest: expect.arrayContaining(["KSampler"]) as string[],
      },
    ]);
    expect(missing(b.doc, defs).types).toEqual([]);
  });

  it("has a nearest by its links, too, where its name says little", () => {
    const nodes = [
      { id: 1, type: "LoadImage", inputs: [], outputs: [{ name: "IMAGE", type: "IMAGE", links: [1] }] },
      {
        id: 2,
        type: "FancyUpscaleThing",
        inputs: [{ name: "image", type: "IMAGE", link: 1 }],
        outputs: [{ name: "IMAGE", type: "IMAGE", links: [] }],
      },
    ];
    const alone = missing(read({ version: 0.4, nodes, links: [] }, defs), defs);
    expect(alone.types[0]!.nearest).toEqual([]);
    const [type] = missing(read({ version: 0.4, nodes, links: [[1, 1, 0, 2, 0, "IMAGE"]] }, defs), defs).types;
    expect(type!.nearest).toContain("ImageUpscaleWithModel");
  });

  it("are files, with their nearest and where they can be had", () => {
    const b = new Builder();
    const id = b.make((at) => addNode(at, "CheckpointLoaderSimple", [0, 0], { ckpt_name: "sub/m2.safetensors" }));
    b.edit((at) => ({
      ...at.doc,
      root: {
        ...at.doc.root,
        nodes: new Map([
          [
            id,
            {
              ...at.doc.root.nodes.get(id)!,
              properties: { models: [{ name: "m2.safetensors", url: "https://x/m2" }] },
            },
          ],
        ]),
      },
    }));
    const [choice] = missing(b.doc, defs).choices;
    expect(choice).toMatchObject({
      node: id,
      input: "ckpt_name",
      value: "sub/m2.safetensors",
      isFile: true,
      url: "https://x/m2",
    });
  });

  it("does not count what a link gives, or what is there", () => {
    const doc = read(workflow("syn_empty"), defs);
    expect(missing(doc, defs)).toEqual({ types: [], choices: [] });
    const b = textToImage();
    expect(missing(b.doc, defs).choices.every((choice) => choice.isFile)).toBe(true);
  });

  it("compares names as people do", () => {
    const files = ["sd15/v1-5-pruned-emaonly.safetensors", "sdxl_base_1.0.safetensors", "dreamshaper_8.safetensors"];
    expect(nearest("v1-5-pruned-emaonly.ckpt", files)[0]).toBe(files[0]);
    expect(nearest("sd_xl_base_1.0.safetensors", files)[0]).toBe(files[1]);
    expect(nearest("DreamShaper_8_pruned.safetensors", files)[0]).toBe(files[2]);
    expect(nearest("zzz", files)).toEqual([]);
    expect(place().doc.root.nodes.size).toBe(0);
  });
});
