import { describe, expect, it } from "vitest";
import { applyMoves, carriedBy, twinsOf, type Moves } from "../../src/canvas/moves";
import { addBend } from "../../src/edit/bends";
import { addGroup } from "../../src/edit/groups";
import { toggleFlag } from "../../src/edit/nodes";
import { after } from "../../src/edit/place";
import { TITLE } from "../../src/model/geometry";
import type { Point } from "../../src/model/types";
import { textToImage } from "../building";

const b = textToImage();
const ids = [b.ids.sampler!, b.ids.decode!];
const grouped = after(b.at, addGroup(b.at, "g", ids));
const group = grouped.doc.root.groups[0]!;
const id = `group:${group.id}`;
const to: Moves = new Map<string, Point>([[id, [group.bounds[0] + 10, group.bounds[1] + 20]]]);

describe("moving", () => {
  it("puts nodes below their titles and bends at their middle", () => {
    const bent = after(b.at, addBend(b.at, [...b.doc.root.links.keys()][0]!, [0, 0]));
    const bend = [...bent.doc.root.bends.keys()][0]!;
    const moves = new Map<string, Point>([
      [ids[0]!, [3, 4]],
      [`bend:${bend}`, [10, 10]],
    ]);
    const { root } = applyMoves(bent, moves, new Map());
    expect(root.nodes.get(ids[0]!)!.pos).toEqual([3, 4 + TITLE]);
    expect(root.bends.get(bend)!.pos).toEqual([18, 18]);
  });

  it("takes along what was in a group when the drag began", () => {
    const carried = carriedBy(grouped, [id]);
    expect(carried.get(id)!.nodes).toEqual(ids);
    const { root } = applyMoves(grouped, to, carried);
    const shift = ids.map((node) => {
      const [old, now] = [b.doc.root.nodes.get(node)!.pos, root.nodes.get(node)!.pos];
      return [now[0] - old[0], now[1] - old[1]];
    });
    expect(shift).toEqual([
      [10, 20],
      [10, 20],
    ]);
  });

  it("leaves the content of a group that is moved alone", () => {
    const { root } = applyMoves(grouped, to, new Map());
    expect(root.nodes).toBe(grouped.doc.root.nodes);
    expect(root.groups[0]!.bounds.slice(0, 2)).toEqual([...to.get(id)!]);
  });

  it("moves nothing twice", () => {
    expect(carriedBy(grouped, [id, ids[0]!]).get(id)!.nodes).toEqual([ids[1]]);
  });

  it("leaves what is pinned", () => {
    const pinned = after(b.at, toggleFlag(b.at, [ids[0]!], "pinned"));
    expect(applyMoves(pinned, new Map<string, Point>([[ids[0]!, [9, 9]]]), new Map())).toBe(pinned.doc);
  });
});

describe("copying by dragging", () => {
  it("puts a copy where each thing is, fed by the same links, and leaves the originals", () => {
    const { doc, ids: twins } = twinsOf(b.at, ids, new Map());
    expect([...twins.keys()]).toEqual(ids);
    for (const [old, now] of twins) {
      expect(doc.root.nodes.get(now)).toMatchObject({
        type: b.doc.root.nodes.get(old)!.type,
        pos: b.doc.root.nodes.get(old)!.pos,
      });
      expect(doc.root.nodes.get(old)).toBe(b.doc.root.nodes.get(old));
    }
    const into = (node: string) => [...doc.root.links.values()].filter((link) => link.to === node).length;
    for (const [old, now] of twins) expect(into(now)).toBe(into(old));
  });

  it("copies a group with what is in it, and moves only the copies", () => {
    const { doc, ids: twins, carried } = twinsOf(grouped, [id], carriedBy(grouped, [id]));
    expect(new Set(twins.keys())).toEqual(new Set([...ids, id]));
    const copy = twins.get(id)!;
    const moved = applyMoves(after(grouped, doc), new Map([[copy, [group.bounds[0] + 7, group.bounds[1]]]]), carried);
    for (const node of ids) {
      const [x, y] = grouped.doc.root.nodes.get(node)!.pos;
      expect(moved.root.nodes.get(node)!.pos).toEqual([x, y]);
      expect(moved.root.nodes.get(twins.get(node)!)!.pos).toEqual([x + 7, y]);
    }
    expect(moved.root.groups.map(({ bounds }) => bounds[0])).toEqual([group.bounds[0], group.bounds[0] + 7]);
  });
});
