/** Laws that hold whatever is done to a document. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leadsTo } from "../src/edit/links";
import { begin, canRedo, canUndo, present, record, redone, undone } from "../src/model/history";
import { read } from "../src/model/read";
import { INPUTS, levels, OUTPUTS, type Definition, type Document } from "../src/model/types";
import { write } from "../src/model/write";
import { apply, place, steps, textToImage } from "./building";
import { defs, workflow } from "./conformance";
import { meaning } from "./meaning";

const STARTS = [
  textToImage().doc,
  read(workflow("rt_re_native_reroutes"), defs),
  read(workflow("syn_sub_nested_and_direct"), defs),
];
const start = fc.constantFrom(...STARTS);
const RUNS = { numRuns: Number(process.env.FC_RUNS ?? 60) };

function run(doc: Document, list: Parameters<typeof apply>[1][]): Document {
  return list.reduce((now, step) => apply(place(now), step), doc);
}

describe("after any edits", () => {
  it("each input has one link at most, between sockets that are there", () => {
    fc.assert(
      fc.property(start, steps(40), (doc, list) => {
        for (const [, graph] of levels(run(doc, list))) {
          const border = graph as Partial<Definition>;
          const targets = [...graph.links.values()].map((link) => `${link.to} ${link.toSlot}`);
          expect(new Set(targets).size).toBe(targets.length);
          for (const link of graph.links.values()) {
            const [from, to] = [graph.nodes.get(link.from), graph.nodes.get(link.to)];
            if (from) expect(from.outputs.length).toBeGreaterThan(link.fromSlot);
            if (to) expect(to.inputs.length).toBeGreaterThan(link.toSlot);
            if (!from) expect([link.from, (border.inputs?.length ?? 0) > link.fromSlot]).toEqual([INPUTS, true]);
            if (!to) expect([link.to, (border.outputs?.length ?? 0) > link.toSlot]).toEqual([OUTPUTS, true]);
          }
        }
      }),
      RUNS,
    );
  });

  it("each node that stands for a subgraph has its sockets, in its order", () => {
    fc.assert(
      fc.property(start, steps(40), (doc, list) => {
        const now = run(doc, list);
        for (const [, graph] of levels(now)) {
          for (const node of graph.nodes.values()) {
            const definition = now.definitions.get(node.type);
            if (!definition) continue;
            const names = (slots: readonly { name: string }[]) => slots.map(({ name }) => name);
            expect(names(node.outputs)).toEqual(names(definition.outputs));
            expect(names(node.inputs)).toEqual(names(definition.inputs));
          }
        }
      }),
      RUNS,
    );
  });

  it("every id is that of what it names, and given once in the whole document", () => {
    fc.assert(
      fc.property(steps(40), (list) => {
        const all = levels(run(STARTS[0]!, list)).map(([, graph]) => graph);
        const nodes = all.flatMap((graph) => [...graph.nodes]);
        expect(nodes.every(([id, node]) => node.id === id)).toBe(true);
        expect(new Set(nodes.map(([id]) => id)).size).toBe(nodes.length);
        for (const graph of all) {
          expect([...graph.links].every(([id, link]) => link.id === id)).toBe(true);
          expect(new Set(graph.groups.map((group) => group.id)).size).toBe(graph.groups.length);
          for (const link of graph.links.values()) if (link.bend) expect(graph.bends.has(link.bend)).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it("undo leads back to the start, and redo to the end", () => {
    fc.assert(
      fc.property(start, steps(100), (doc, list) => {
        let history = begin(doc);
        for (const step of list) history = record(history, apply(place(present(history)), step));
        const end = present(history);
        while (canUndo(history)) history = undone(history);
        expect(present(history)).toBe(doc);
        while (canRedo(history)) history = redone(history);
        expect(present(history)).toBe(end);
      }),
      RUNS,
    );
  });

  it("what is saved is what was drawn, in both versions", () => {
    fc.assert(
      fc.property(start, steps(40), fc.constantFrom(0.4 as const, 1 as const), (doc, list, version) => {
        const now = run(doc, list);
        const saved = write(now, defs, version);
        expect(meaning(read(JSON.parse(JSON.stringify(saved)), defs))).toEqual(meaning(now));
        expect(read(saved, defs).version).toBe(version);
      }),
      RUNS,
    );
  });

  it("an edit changes no document that was there before", () => {
    fc.assert(
      fc.property(start, steps(20), (doc, list) => {
        const before = JSON.stringify(meaning(doc));
        run(doc, list);
        expect(JSON.stringify(meaning(doc))).toBe(before);
      }),
      RUNS,
    );
  });

  it("new graphs have no circles", () => {
    fc.assert(
      fc.property(
        steps(40).map((list) => list.filter(({ name }) => name !== "subgraph")),
        (list) => {
          const { root } = run(STARTS[0]!, list);
          for (const link of root.links.values()) expect(leadsTo(root, link.to, link.from)).toBe(false);
        },
      ),
      RUNS,
    );
  });
});
