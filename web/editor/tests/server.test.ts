/** The server flattens what the editor draws: its own code says whether an edit changed what runs. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { after, graphOf } from "../src/edit/place";
import { makeSubgraph } from "../src/edit/subgraphs";
import { unpack } from "../src/edit/unpack";
import { read } from "../src/model/read";
import type { Document, JsonObject, NodeId } from "../src/model/types";
import { write } from "../src/model/write";
import { apply, place, steps, textToImage } from "./building";
import { defs, info, names, workflow } from "./conformance";

const SCRIPT = fileURLToPath(new URL("oracle.py", import.meta.url));
type Api = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

function flattened(docs: readonly JsonObject[]): Api[] {
  const input = JSON.stringify([info, docs]);
  const options = { input, maxBuffer: 2 ** 28, encoding: "utf8" as const };
  return JSON.parse(execFileSync(process.env.PYTHON ?? "python3", [SCRIPT], options)) as Api[];
}

/** A graph whatever its ids are: each node as what it computes. */
function shapes(api: Api): string[] {
  const known = new Map<string, string>();
  const shape = (id: string, above: readonly string[] = []): string => {
    const node = api[id];
    if (!node || above.includes(id)) return `?${above.length}`;
    const found = known.get(id);
    if (found) return found;
    const inputs = Object.entries(node.inputs).map(([name, value]) => {
      const link = Array.isArray(value) && value.length === 2 && typeof value[0] === "string" ? value : undefined;
      return `${name}=${link ? `${shape(link[0] as string, [...above, id])}.${link[1]}` : JSON.stringify(value)}`;
    });
    const text = hash(`${node.class_type}(${inputs.sort().join(",")})`);
    known.set(id, text);
    return text;
  };
  return Object.keys(api)
    .map((id) => shape(id))
    .sort();
}

function hash(text: string): string {
  return text.length < 400
    ? text
    : `${text.slice(0, 40)}#${[...text].reduce((h, c) => (h * 31 + c.charCodeAt(0)) | 0, 7)}`;
}

function some(doc: Document, picks: readonly number[]): NodeId[] {
  return [...doc.root.nodes.keys()].filter((_, i) => picks[i % picks.length]! % 2 === 0);
}

const picks = fc.array(fc.nat(9), { minLength: 5, maxLength: 9 });
const SEED = { seed: 7, numRuns: 60 };

describe("what runs is the same", () => {
  it("in files that were read and written, in both versions", () => {
    const raws = names.map(workflow);
    const docs = raws.map((raw) => read(raw, defs));
    const before = flattened(raws);
    expect(flattened(docs.map((doc) => write(doc, defs)))).toEqual(before);
    // in the other version links to sockets that do not exist go, and ids inside subgraphs may change
    const other = flattened(docs.map((doc) => write(doc, defs, doc.version === 1 ? 0.4 : 1)));
    const differ = names.filter((_, i) => JSON.stringify(shapes(other[i]!)) !== JSON.stringify(shapes(before[i]!)));
    expect(differ).toEqual(["syn_dangling_bad_origin_slot"]);
  });

  it("after a part became a subgraph, and after it was unpacked", () => {
    const pairs = fc.sample(fc.tuple(steps(15), picks), SEED).map(([list, chosen]): [Document, Document, Document] => {
      const edits = list.filter(({ name }) => name !== "subgraph");
      const doc = edits.reduce((now, step) => apply(place(now), step), textToImage().doc);
      const made = makeSubgraph(place(doc), some(doc, chosen), "part");
      const back = made.nodes[0] === undefined ? made : unpack(place(made.doc), made.nodes[0]);
      return [doc, made.doc, back.doc];
    });
    const [before, packed, unpacked] = [0, 1, 2].map((i) => flattened(pairs.map((docs) => write(docs[i]!, defs))));
    pairs.forEach((_, i) => {
      expect(shapes(packed![i]!)).toEqual(shapes(before![i]!));
      expect(shapes(unpacked![i]!)).toEqual(shapes(before![i]!));
    });
  });

  it("after the subgraphs of a file were unpacked", () => {
    const found = names
      .filter((name) => /sub|bp_/.test(name))
      .flatMap((name) => {
        const doc = read(workflow(name), defs);
        const hosts = [...doc.root.nodes.values()].filter((node) => doc.definitions.has(node.type) && node.mode === 0);
        const opened = hosts.reduce((at, { id }) => after(at, unpack(at, id).doc), place(doc)).doc;
        return hosts.length ? [{ name, raw: workflow(name), opened: write(opened, defs) }] : [];
      });
    const before = flattened(found.map(({ raw }) => raw));
    const opened = flattened(found.map((one) => one.opened));
    const differ = found.filter((_, i) => JSON.stringify(shapes(opened[i]!)) !== JSON.stringify(shapes(before[i]!)));
    // unpacking brings to life a primitive that filled in the subgraph's own widget, which the standard's editor ignores
    expect(differ.map(({ name }) => name)).toEqual(["syn_sub_widget_input_primitive_int"]);
    expect(found.length).toBeGreaterThan(10);
  });

  it("after the same subgraph was made inside another one", () => {
    const doc = textToImage().doc;
    const outer = makeSubgraph(place(doc), ["2", "3", "5"], "outer");
    const id = outer.doc.root.nodes.get(outer.nodes[0]!)!.type;
    const inside = place(outer.doc, id);
    const nested = makeSubgraph(inside, ["5"], "inner");
    expect(graphOf(after(inside, nested.doc)).nodes.size).toBe(3);
    const [a, b] = flattened([write(doc, defs), write(nested.doc, defs)]);
    expect(shapes(b!)).toEqual(shapes(a!));
  });
});
