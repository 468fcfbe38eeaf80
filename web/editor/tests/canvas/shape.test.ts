import { describe, expect, it } from "vitest";
import { deriver, type AnyNode } from "../../src/canvas/derive";
import { disconnect } from "../../src/edit/links";
import { resizeNode, toggleFlag } from "../../src/edit/nodes";
import { after } from "../../src/edit/place";
import { TITLE } from "../../src/model/geometry";
import { ROOT, type Document } from "../../src/model/types";
import { textToImage } from "../building";

const b = textToImage();
const sampler = b.ids.sampler!;

function drawn(doc: Document, id = sampler): AnyNode {
  const view = { doc, at: ROOT, hosts: [], defs: b.at.defs, selection: new Set<string>(), measured: new Map() };
  return deriver()(view).nodes.find((node) => node.id === id)!;
}

describe("a node that was not measured yet", () => {
  it("has every socket at its edges, in the order of its rows, inside of its height", () => {
    const { handles = [], measured } = drawn(b.doc);
    const model = b.doc.root.nodes.get(sampler)!;
    const of = (type: string) => handles.filter((handle) => handle.type === type);
    expect(new Set(of("target").map(({ id }) => id))).toEqual(new Set(model.inputs.map((_, i) => `in:${i}`)));
    expect(of("source").map(({ id }) => id)).toEqual(model.outputs.map((_, i) => `out:${i}`));
    const rows = of("target").map(({ y }) => y);
    expect(rows).toEqual([...rows].sort((a, c) => a - c));
    expect(new Set(rows).size).toBe(rows.length);
    expect(Math.min(...rows)).toBeGreaterThan(TITLE);
    expect(Math.max(...rows)).toBeLessThan(measured!.height!);
    expect(new Set(of("target").map(({ x }) => x))).toEqual(new Set([-5.5]));
    expect(new Set(of("source").map(({ x }) => x))).toEqual(new Set([measured!.width! - 5.5]));
  });

  it("never has a size that can be measured, so that measuring it is always news", () => {
    for (const id of Object.values(b.ids)) expect(drawn(b.doc, id).measured!.height! % 1).toBe(0.5);
  });

  it("is as large as it was made, and no smaller than what it holds", () => {
    const wide = drawn(resizeNode(b.at, sampler, [400, 900])).measured!;
    expect([wide.width, Math.floor(wide.height!)]).toEqual([400, 900 + TITLE]);
    expect(drawn(resizeNode(b.at, sampler, [400, 5])).measured!.height).toBe(drawn(b.doc).measured!.height);
  });

  it("is its title when collapsed, with all sockets at its ends", () => {
    const { handles = [], measured } = drawn(toggleFlag(b.at, [sampler], "collapsed"));
    expect(measured!.height).toBeLessThan(TITLE + 4);
    expect(new Set(handles.map(({ y }) => y)).size).toBe(1);
  });

  it("keeps its shape while only links elsewhere change, and drops it once it is measured", () => {
    const derive = deriver();
    const view = { doc: b.doc, at: ROOT, hosts: [], defs: b.at.defs, selection: new Set<string>() };
    const [first] = derive({ ...view, measured: new Map() }).nodes;
    const last = [...b.doc.root.links.keys()].at(-1)!;
    const doc = after(b.at, disconnect(b.at, [last])).doc;
    const [again] = derive({ ...view, doc, measured: new Map() }).nodes;
    expect(again).toBe(first);
    const size = { width: 9, height: 9 };
    const [measured] = derive({ ...view, doc, measured: new Map([[first!.id, size]]) }).nodes;
    expect(measured).toMatchObject({ measured: size });
    expect(measured!.handles).toBeUndefined();
  });

  it("is in a list that stays the same while nothing changes", () => {
    const derive = deriver();
    const view = { doc: b.doc, at: ROOT, hosts: [], defs: b.at.defs, selection: new Set<string>() };
    const [one, two] = [derive({ ...view, measured: new Map() }), derive({ ...view, measured: new Map() })];
    expect(two.nodes).toBe(one.nodes);
    expect(two.edges).toBe(one.edges);
  });
});
