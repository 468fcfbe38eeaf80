import { describe, expect, it } from "vitest";
import { applyMoves, carriedBy, type Moves } from "../../src/canvas/moves";
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
