import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filtered, indexOf, isMissing, neighbour, placeList, splitPath, windowOf } from "../../src/widgets/choices";
import { colorText, colorValue } from "../../src/widgets/color";
import { fileOf, fileValue, maskValue } from "../../src/widgets/files";
import { isFieldKey, newGesture } from "../../src/widgets/keys";
import { firstSize, resized, undone, visible, type MaskStep } from "../../src/widgets/mask";
import { readDefs } from "../../src/model/nodes";
import { withChoice } from "../../src/widgets/uploaded";
import { weigh } from "../../src/widgets/weights";

describe("weights of a prompt", () => {
  const up = (text: string, start: number, end = start, steps = 1) => weigh({ text, start, end }, steps).text;

  it("are given to a selection, or the word at the cursor", () => {
    expect(up("a red apple", 3)).toBe("a (red:1.05) apple");
    expect(up("a red apple", 2, 11, 2)).toBe("a (red apple:1.1)");
    expect(up("a red apple ", 2, 6)).toBe("a (red:1.05) apple ");
  });

  it("change, and go when they are 1 again", () => {
    expect(up("a (red:1.05) apple", 4)).toBe("a (red:1.1) apple");
    expect(up("a (red:1.05) apple", 4, 4, -1)).toBe("a red apple");
    expect(up("", 0)).toBe("");
  });

  it("are taken back by as many steps", () => {
    const words = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(words, words, fc.integer({ min: 1, max: 15 }), (a, b, steps) => {
        const text = `${a} ${b}`;
        const once = weigh({ text, start: 0, end: text.length }, steps);
        expect(weigh(once, -steps).text).toBe(text);
      }),
    );
  });
});

describe("a menu", () => {
  const choices = ["euler", "ddim", "sub/lcm"];

  it("finds what is chosen, what is next, and what is gone", () => {
    expect(indexOf("ddim", choices)).toBe(1);
    expect(neighbour("sub/lcm", choices, 1)).toBe("euler");
    expect(neighbour("euler", choices, -1)).toBe("sub/lcm");
    expect(neighbour("gone", choices, 1)).toBe("euler");
    expect(neighbour("gone", [], 1)).toBeUndefined();
    expect(isMissing("gone", choices)).toBe(true);
    expect(isMissing(null, choices)).toBe(false);
    expect(isMissing("1", [1, 2])).toBe(false);
    expect(filtered("LC", choices)).toEqual([2]);
    expect(splitPath("sub/lcm")).toEqual(["sub/", "lcm"]);
  });

  it("draws the rows in sight, and a few more", () => {
    expect(windowOf(3000, 420, 30, 5000)).toEqual({ first: 96, last: 118 });
    expect(windowOf(0, 420, 30, 3)).toEqual({ first: 0, last: 3 });
  });

  it("opens where there is room", () => {
    const view = { width: 400, height: 600 };
    expect(placeList({ left: 10, top: 100, bottom: 128, width: 180 }, view, 420, 340)).toMatchObject({
      top: 130,
      width: 340,
    });
    const low = placeList({ left: 300, top: 500, bottom: 528, width: 180 }, view, 420, 340);
    expect(low).toMatchObject({ bottom: 102, left: 52, maxHeight: 420 });
  });
});

describe("files", () => {
  it("are named with their folder, and where that is not the usual one, with what it is in", () => {
    expect(fileOf("clipspace/a b.png [input]")).toEqual({ filename: "a b.png", subfolder: "clipspace", type: "input" });
    expect(fileOf("x.png", "output")).toEqual({ filename: "x.png", subfolder: "", type: "output" });
    expect(fileOf("")).toBeUndefined();
    expect(fileValue({ filename: "x.png", subfolder: "s/t", type: "input" })).toBe("s/t/x.png");
    expect(fileValue({ filename: "x.png", subfolder: "", type: "temp" })).toBe("x.png [temp]");
    expect(maskValue({ filename: "m.png", subfolder: "clipspace", type: "input" })).toBe("clipspace/m.png [input]");
  });
});

describe("an uploaded file", () => {
  it("is in every menu of its kind, and nothing else changes", () => {
    const upload = (kind: string) => ({ input: { required: { image: [["a.png"], { [kind]: true }] } } });
    const defs = readDefs({ Load: upload("image_upload"), Film: upload("video_upload"), Other: {} });
    const after = withChoice(defs, "image", "b.png");
    expect(after.get("Load")?.inputs[0]?.choices).toEqual(["a.png", "b.png"]);
    expect(after.get("Film")).toBe(defs.get("Film"));
    expect(after.get("Other")).toBe(defs.get("Other"));
    expect(withChoice(after, "image", "b.png")).toBe(after);
  });
});

describe("colours", () => {
  it("are text or numbers", () => {
    expect(colorText(0xff8000)).toBe("#ff8000");
    expect(colorText("#ABC")).toBe("#aabbcc");
    expect(colorText(-5)).toBe("#000000");
    expect(colorValue("ff8000", true)).toBe(0xff8000);
    expect(colorValue("#f80", false)).toBe("#ff8800");
    expect(colorValue("red", false)).toBeUndefined();
  });
});

describe("keys in a field", () => {
  const press = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "altKey", boolean>> = {}) =>
    isFieldKey({ key, ctrlKey: false, metaKey: false, altKey: false, ...held });

  it("stay there, but commands go on", () => {
    expect(["m", "Delete", " ", "Enter", "ArrowUp", "Tab"].every((key) => press(key))).toBe(true);
    expect(press("z", { ctrlKey: true })).toBe(true);
    expect(press("Enter", { ctrlKey: true })).toBe(false);
    expect(press("s", { metaKey: true })).toBe(false);
    expect(press("F1")).toBe(false);
  });

  it("belong to gestures of their own", () => {
    expect(newGesture("1", "seed")).not.toBe(newGesture("1", "seed"));
  });
});

describe("a mask", () => {
  const dot: MaskStep = { kind: "stroke", erase: false, spots: [[1, 1, 5]] };

  it("is what was done since it was cleared", () => {
    const steps: MaskStep[] = [dot, { kind: "clear" }, dot, { kind: "invert" }];
    expect(visible(steps)).toEqual(steps.slice(1));
    expect(visible(undone(undone(undone(steps))))).toEqual([dot]);
  });

  it("is painted with a brush that always changes by a step", () => {
    for (const size of [1, 2, 3, 10, 500]) expect(resized(size, 1)).toBeGreaterThan(size);
    expect(resized(1, -1)).toBe(1);
    expect(resized(1000, 1)).toBe(1000);
    expect(firstSize(1024, 768)).toBe(64);
  });
});
