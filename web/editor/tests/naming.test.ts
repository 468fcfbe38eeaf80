/** Node types in another language: what is shown of them changes, what is saved does not. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { named } from "../src/app/naming";
import { slotMarks } from "../src/canvas/marks";
import { rowsOf } from "../src/canvas/rows";
import { addNode } from "../src/edit/nodes";
import { categoryName, loadNames, setLanguage, socketName, wording } from "../src/i18n";
import { titleOf } from "../src/model/instances";
import { readDef } from "../src/model/nodes";
import { read } from "../src/model/read";
import { searchNodes } from "../src/model/search";
import { EMPTY, ROOT } from "../src/model/types";
import { write } from "../src/model/write";
import { textToImage } from "./building";
import { defs, names, workflow } from "./conformance";

const CHINESE = /\p{Script=Han}/u;

async function chinese() {
  setLanguage("zh-CN");
  await loadNames();
  return named(defs);
}

const find = (text: string, among: typeof defs) => searchNodes(among, { text }).map((hit) => hit.def.type);

describe("node types in Chinese", () => {
  beforeEach(() => setLanguage("en"));
  afterEach(() => setLanguage("en"));

  it("are those of the server in English, the same objects", () => {
    expect(named(defs)).toBe(defs);
    expect(socketName("seed")).toBe("seed");
    expect(categoryName("latent/batch")).toBe("latent/batch");
  });

  it("have Chinese titles and categories, and the English ones back", async () => {
    const english = wording();
    const there = await chinese();
    expect(wording()).not.toBe(english);
    expect(there.get("KSampler")!.title).toMatch(CHINESE);
    expect(there.get("RepeatLatentBatch")!.category).toBe("潜空间/批次");
    expect(named(there)).toBe(there);
    setLanguage("en");
    expect([...named(there)]).toEqual([...defs]);
  });

  it("keep the server's names where there are no others", async () => {
    const there = await chinese();
    expect(there.get("KSampler")!.inputs).toBe(defs.get("KSampler")!.inputs);
    const own = new Map([["constructor", readDef("constructor", { display_name: "Mine", category: "my pack/image" })]]);
    const { title, category } = named(own).get("constructor")!;
    expect([title, category]).toEqual(["Mine", "my pack/图像"]);
    expect(["constructor", "eta", "my_input7"].map(socketName)).toEqual(["constructor", "eta", "my_input7"]);
  });

  it("are found by either name", async () => {
    const there = await chinese();
    expect(find("k 采样器", there)[0]).toBe("KSampler");
    expect(find("加载图像", there)[0]).toBe("LoadImage");
    expect(find("ksampler", there)[0]).toBe("KSampler");
    expect(find("load check", there)[0]).toBe("CheckpointLoaderSimple");
    expect(find("潜空间/批次", there)).toContain("RepeatLatentBatch");
    expect(find("latent/batch", there)).toContain("RepeatLatentBatch");
    expect(find("", there).slice(0, 4)).toEqual(find("", defs).slice(0, 4));
    expect(find("解码", defs)).toEqual([]);
  });

  it("have rows whose labels are Chinese, but not those that a document labels itself", async () => {
    const there = await chinese();
    const b = textToImage();
    const node = b.doc.root.nodes.get(b.ids.sampler!)!;
    const marks = slotMarks(b.doc.root).get(node.id)!;
    const labelled = { ...node, inputs: node.inputs.map((slot, i) => (i ? slot : { ...slot, label: "model" })) };
    const rows = rowsOf(labelled, there.get("KSampler"), marks);
    expect(rows.inputs.map(({ label }) => label)).toEqual(["model", "正面条件", "负面条件", "潜空间图像"]);
    expect(rows.inputs.map(({ name }) => name)).toEqual(["model", "positive", "negative", "latent_image"]);
    expect(rows.outputs.map(({ label, name }) => [label, name])).toEqual([["潜空间", "LATENT"]]);
    expect(rows.widgets.slice(0, 2).map(({ label }) => label)).toEqual(["种子", "生成后控制"]);
    expect(rowsOf(node, { ...there.get("KSampler")!, subgraph: true }, marks).inputs[1]!.label).toBe("positive");
    expect(["image12", "IMAGE"].map(socketName)).toEqual(["图像12", "图像"]);
  });

  it("leave every document as it is", async () => {
    const english = names.map((name) => write(read(workflow(name), defs), defs));
    const empty = write(addNode({ doc: EMPTY, level: ROOT, defs }, "KSampler", [0, 0]).doc, defs);
    const there = await chinese();
    expect(names.map((name) => write(read(workflow(name), there), there))).toEqual(english);
    const made = addNode({ doc: EMPTY, level: ROOT, defs: there }, "KSampler", [0, 0]);
    expect({ ...write(made.doc, there), id: 0 }).toEqual({ ...empty, id: 0 });
    const node = made.doc.root.nodes.get(made.nodes[0]!)!;
    expect(titleOf(made.doc, node, there)).toMatch(CHINESE);
    expect(titleOf(made.doc, { ...node, title: "Mine" }, there)).toBe("Mine");
  });
});
