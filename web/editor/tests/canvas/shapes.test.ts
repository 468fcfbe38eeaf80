import { describe, expect, it } from "vitest";
import { bendIndex } from "../../src/canvas/bending";
import { crosses } from "../../src/canvas/cut";
import { encloses } from "../../src/canvas/lasso";
import { problemsOf } from "../../src/canvas/problems";
import { nameIn, picturesOf, textsOf } from "../../src/canvas/shown";
import { wirePath } from "../../src/canvas/wires";
import type { Point } from "../../src/model/types";

describe("a wire", () => {
  it("begins and ends where it should, through all bends", () => {
    const path = wirePath([
      [0, 0],
      [50, 60],
      [100, 10],
    ]);
    expect(path.startsWith("M0,0 C")).toBe(true);
    expect(path).toContain(" 50,60 C");
    expect(path.endsWith(" 100,10")).toBe(true);
    expect(wirePath([])).toBe("");
  });

  it("leaves to the right and arrives from the left, also on its way back", () => {
    for (const end of [[200, 50] as const, [-200, 50] as const]) {
      const [, x1, y1, x2, y2] = /C([-\d.]+),([-\d.]+) ([-\d.]+),([-\d.]+)/.exec(wirePath([[0, 0], end]))!.map(Number);
      expect(x1).toBeGreaterThan(0);
      expect(x2).toBeLessThan(end[0]);
      expect([y1, y2]).toEqual([0, 50]);
    }
  });
});

describe("a new bend", () => {
  const line: Point[] = [
    [0, 0],
    [100, 0],
    [100, 100],
  ];
  it("comes between the points that it is nearest to", () => {
    expect(bendIndex(line, [50, 5])).toBe(0);
    expect(bendIndex(line, [95, 60])).toBe(1);
    expect(bendIndex([line[0]!, line[1]!], [500, 500])).toBe(0);
  });
});

describe("a cut", () => {
  const wire: Point[] = [
    [0, 0],
    [10, 10],
    [20, 10],
  ];
  it("takes what it crosses and nothing else", () => {
    const across: Point[] = [
      [15, 0],
      [15, 20],
    ];
    const beside: Point[] = [
      [30, 0],
      [30, 20],
    ];
    expect(crosses(wire, across)).toBe(true);
    expect(crosses(wire, beside)).toBe(false);
    expect(crosses(wire, [])).toBe(false);
  });
});

describe("a lasso", () => {
  const line: Point[] = [
    [0, 0],
    [10, 0],
    [10, 10],
    [5, 3],
    [0, 10],
  ];
  it("holds what it is drawn around", () => {
    expect(encloses(line, [5, 1])).toBe(true);
    expect(encloses(line, [5, 8])).toBe(false);
    expect(encloses(line, [20, 5])).toBe(false);
    expect(encloses([], [0, 0])).toBe(false);
  });
});

describe("problems of a node", () => {
  const all = [
    { node: "1", input: "a", message: "one", severity: "error" as const },
    { node: "1", input: "a", message: "two", severity: "warning" as const },
    { node: "1", message: "whole", severity: "warning" as const },
    { node: "2", message: "other", severity: "warning" as const },
  ];
  it("are told by input, and stay the same object", () => {
    const one = problemsOf(all, "1");
    expect(one.byInput.get("a")).toBe("one\ntwo");
    expect([one.whole, one.severity]).toEqual(["whole", "error"]);
    expect(problemsOf(all, "1")).toBe(one);
    expect(problemsOf(all, "3")).toBe(problemsOf([], "3"));
    expect(problemsOf(all, "2").severity).toBe("warning");
  });
});

describe("what a node shows", () => {
  it("is read from whatever it says", () => {
    const shown = {
      images: [{ filename: "a b.png", subfolder: "s", type: "temp" }, 7, { filename: 3 }],
      text: ["x", 1],
    };
    expect(picturesOf(shown)).toEqual(["view?filename=a+b.png&subfolder=s&type=temp"]);
    expect(nameIn(picturesOf(shown)[0]!)).toBe("a b.png");
    expect(textsOf(shown)).toEqual(["x", "1"]);
    expect([picturesOf(undefined), picturesOf({ images: 3 }), textsOf({ text: "t" })]).toEqual([[], [], ["t"]]);
  });
});
