import { describe, expect, it } from "vitest";
import { ACTIONS } from "../../src/app/actions";
import { CANVAS_COMMANDS } from "../../src/canvas/commands";
import { chosen } from "../../src/canvas/doing";
import { commands, tidy } from "../../src/canvas/menus";
import { GRAPH_COMMANDS } from "../../src/commands/graph";
import type { Here } from "../../src/commands/types";
import { textToImage } from "../building";

const b = textToImage();

function here(nodes: readonly string[]): Here {
  return { at: b.at, nodes, groups: [], bends: [], links: [], sizes: new Map(), pointer: [0, 0] };
}

const entry = (id: string) => ({ id, label: id });

describe("a menu", () => {
  it("has no line at an end and no two in a row", () => {
    expect(tidy(["line", "line", entry("a"), "line", "line", entry("b"), "line"])).toEqual([
      entry("a"),
      "line",
      entry("b"),
    ]);
    expect(tidy(["line", "line"])).toEqual([]);
  });

  it("offers what applies, and nothing else", () => {
    const ids = (nodes: readonly string[]) =>
      tidy(commands("nodes", here(nodes))).flatMap((item) => (item === "line" ? [] : [item.id]));
    expect(ids([])).toEqual(["group", "arrange"]);
    expect(ids([b.ids.save!])).toContain("mute");
    expect(ids([b.ids.save!])).not.toContain("canvas.align");
    expect(ids([b.ids.save!, b.ids.decode!])).toContain("canvas.align");
    expect(ids([b.ids.save!]).at(-1)).toBe("duplicate");
  });
});

describe("the keys of the three tables of commands", () => {
  it("are each one command's", () => {
    const actions = ACTIONS.map(({ label, keys }) => ({ label, keys: keys === undefined ? [] : [keys] }));
    const all = [...actions, ...CANVAS_COMMANDS, ...GRAPH_COMMANDS];
    const taken = all.flatMap(({ label, keys = [] }) => keys.map((key) => `${key} ${label}`));
    const keys = all.flatMap((command) => command.keys ?? []);
    expect(taken.filter((_, i) => keys.indexOf(keys[i]!) !== keys.lastIndexOf(keys[i]!))).toEqual([]);
    expect(keys.length).toBeGreaterThan(40);
  });
});

describe("the selection", () => {
  it("is told apart by kind; the border of a subgraph is nothing that commands work on", () => {
    expect(chosen(new Set(["1", "-10", "group:2", "bend:3", "link:4"]))).toEqual({
      nodes: ["1"],
      groups: ["2"],
      bends: ["3"],
      links: ["4"],
    });
  });
});
