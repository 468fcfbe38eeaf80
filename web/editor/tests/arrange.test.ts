import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { align, distribute, type Edge } from "../src/edit/arrange";
import { addBend, addReroute, bendsOf, moveBend, removeBend } from "../src/edit/bends";
import { addGroup, boundsOf, contents, fitGroup, moveGroup, setGroup } from "../src/edit/groups";
import { layOut } from "../src/edit/layout";
import { disconnect, linkInto } from "../src/edit/links";
import { addNode, moveNodes, toggleFlag } from "../src/edit/nodes";
import { after, graphOf, type Place } from "../src/edit/place";
import { overlap } from "../src/model/geometry";
import { read } from "../src/model/read";
import type { Rect } from "../src/model/types";
import { apply, Builder, place, steps, textToImage } from "./building";
import { defs, names, workflow } from "./conformance";

function rects(at: Place): Rect[] {
  return [...graphOf(at).nodes.values()].map((node) => boundsOf(at, node));
}

function overlaps(at: Place): number {
  const all = rects(at);
  return all.flatMap((a, i) => all.slice(i + 1).filter((b) => overlap(a, b))).length;
}

/** Links that lead to the left, or straight down. */
function backwards(at: Place): number {
  const { nodes, links } = graphOf(at);
  return [...links.values()].filter((link) => {
    const [from, to] = [nodes.get(link.from), nodes.get(link.to)];
    return from && to && boundsOf(at, from)[0] + boundsOf(at, from)[2] > boundsOf(at, to)[0];
  }).length;
}

describe("automatic layout", () => {
  it("leaves no node over another, and every link to the right", () => {
    fc.assert(
      fc.property(steps(30), (list) => {
        const edits = list.filter(({ name }) => !["subgraph", "collapse"].includes(name));
        const doc = edits.reduce((now, step) => apply(place(now), step), textToImage().doc);
        const at = place(layOut(place(doc)));
        expect(overlaps(at)).toBe(0);
        expect(backwards(at)).toBe(0);
        expect(layOut(at)).toEqual(layOut(at));
      }),
      { numRuns: 60 },
    );
  });

  it.each(names.filter((name) => name.startsWith("tpl_") || name.startsWith("bp_")))("of %s", (name) => {
    const doc = read(workflow(name), defs);
    const at = place(doc);
    const free = [...graphOf(at).nodes.values()].filter((node) => node.flags.pinned).map((node) => node.id);
    const loose = place(toggleFlag(at, free, "pinned"));
    const laid = place(layOut(loose));
    expect(overlaps(laid)).toBe(0);
    const sizes = [...graphOf(laid).nodes.values()].map((node) => node.pos);
    expect(sizes.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
  });

  it("of some nodes leaves the others where they are", () => {
    const b = textToImage();
    const before = graphOf(b.at).nodes.get(b.ids.save!)!.pos;
    b.edit((at) => layOut(at, [b.ids.loader!, b.ids.positive!, b.ids.negative!]));
    expect(graphOf(b.at).nodes.get(b.ids.save!)!.pos).toEqual(before);
  });

  it("leaves pinned nodes alone", () => {
    const b = textToImage();
    b.edit((at) => moveNodes(at, new Map([[b.ids.save!, [7, 7]]])));
    b.edit((at) => toggleFlag(at, [b.ids.save!], "pinned"));
    b.edit((at) => layOut(at));
    expect(graphOf(b.at).nodes.get(b.ids.save!)!.pos).toEqual([7, 7]);
  });

  it("of 2,000 nodes takes no second", () => {
    const b = new Builder();
    let last = b.node("EmptyLatentImage");
    for (let i = 0; i < 2000; i++) {
      const next = b.node("LatentUpscale", i, i);
      b.link(last, "LATENT", next, "samples");
      last = next;
    }
    const start = performance.now();
    layOut(b.at);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("aligning", () => {
  const three = () => {
    const b = new Builder();
    const ids = [b.node("KSampler", 0, 100), b.node("VAEDecode", 333, 7), b.node("CLIPTextEncode", 900, 555)];
    return { b, ids };
  };

  it.each<[Edge, (r: Rect) => number]>([
    ["left", (r) => r[0]],
    ["right", (r) => r[0] + r[2]],
    ["top", (r) => r[1]],
    ["bottom", (r) => r[1] + r[3]],
    ["center", (r) => r[0] + r[2] / 2],
    ["middle", (r) => r[1] + r[3] / 2],
  ])("%s", (edge, line) => {
    const { b, ids } = three();
    const lines = rects(after(b.at, align(b.at, ids, edge))).map(line);
    expect(Math.max(...lines) - Math.min(...lines)).toBeLessThanOrEqual(1);
  });

  it("leaves the same gaps", () => {
    const { b, ids } = three();
    const [a, c, d] = rects(after(b.at, distribute(b.at, ids, 0))) as [Rect, Rect, Rect];
    expect(Math.abs(c[0] - (a[0] + a[2]) - (d[0] - (c[0] + c[2])))).toBeLessThanOrEqual(1);
    expect([a[0], d[0]]).toEqual([0, 900]);
  });

  it("of one node is nothing", () => {
    const { b, ids } = three();
    expect(align(b.at, ids.slice(0, 1), "left")).toBe(b.doc);
  });
});

describe("groups", () => {
  it("hold the nodes that they were made around, and move with them", () => {
    const b = textToImage();
    const inside = [b.ids.positive!, b.ids.negative!];
    b.edit((at) => addGroup(at, "prompts", inside));
    const group = graphOf(b.at).groups[0]!;
    const what = contents(b.at, group);
    expect([...what.nodes].sort()).toEqual([...inside].sort());
    const before = graphOf(b.at).nodes.get(inside[0]!)!.pos;
    b.edit((at) => moveGroup(at, group.id, [50, -20], what));
    expect(graphOf(b.at).nodes.get(inside[0]!)!.pos).toEqual([before[0] + 50, before[1] - 20]);
    expect(graphOf(b.at).groups[0]!.bounds[0]).toBe(group.bounds[0] + 50);
    expect([...contents(b.at, graphOf(b.at).groups[0]!).nodes].sort()).toEqual([...inside].sort());
  });

  it("hold smaller groups, and stay where they are pinned", () => {
    const b = textToImage();
    b.edit((at) => addGroup(at, "small", [b.ids.positive!]));
    b.edit((at) => addGroup(at, "all", Object.values(b.ids)));
    const [small, all] = graphOf(b.at).groups;
    expect(contents(b.at, all!).groups).toEqual([small!.id]);
    expect(contents(b.at, small!).groups).toEqual([]);
    b.edit((at) => setGroup(at, small!.id, { pinned: true, title: "x" }));
    expect(moveGroup(b.at, small!.id, [1, 1], contents(b.at, small!))).toBe(b.doc);
    b.edit((at) => moveNodes(at, new Map([[b.ids.positive!, [420, 30]]])));
    b.edit((at) => fitGroup(at, small!.id));
    expect(graphOf(b.at).groups[0]!.bounds).not.toEqual(small!.bounds);
  });
});

describe("bends", () => {
  it("follow one another from the output to the input", () => {
    const b = textToImage();
    const link = () => linkInto(graphOf(b.at), { node: b.ids.save!, slot: 0 })!;
    b.edit((at) => addBend(at, link().id, [1, 0]));
    b.edit((at) => addBend(at, link().id, [3, 0]));
    b.edit((at) => addBend(at, link().id, [2, 0], 1));
    const order = () => bendsOf(graphOf(b.at), link()).map((bend) => bend.pos[0]);
    expect(order()).toEqual([1, 2, 3]);
    b.edit((at) => moveBend(at, bendsOf(graphOf(at), link())[0]!.id, [9, 9]));
    b.edit((at) => removeBend(at, bendsOf(graphOf(at), link())[1]!.id));
    expect(order()).toEqual([9, 3]);
    b.edit((at) => disconnect(at, [link().id]));
    expect(graphOf(b.at).bends.size).toBe(0);
  });

  it("may be nodes, too", () => {
    const b = textToImage();
    const link = linkInto(graphOf(b.at), { node: b.ids.save!, slot: 0 })!;
    const id = b.make((at) => addReroute(at, link.id, [5, 5]));
    expect(linkInto(graphOf(b.at), { node: b.ids.save!, slot: 0 })).toMatchObject({ from: id, type: "IMAGE" });
    expect(graphOf(b.at).nodes.get(id)!.outputs[0]!.type).toBe("IMAGE");
  });
});

it("a collapsed node is its title", () => {
  const b = new Builder();
  const id = b.make((at) => addNode(at, "KSampler", [10, 50]));
  b.edit((at) => toggleFlag(at, [id], "collapsed"));
  expect(rects(b.at)[0]!.slice(0, 2)).toEqual([10, 20]);
  expect(rects(b.at)[0]![3]).toBe(30);
});
