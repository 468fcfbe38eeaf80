import { describe, expect, it } from "vitest";
import { graphCommand, GRAPH_COMMANDS } from "../src/commands/graph";
import { outcome, type Here } from "../src/commands/types";
import { graphOf, type Place } from "../src/edit/place";
import { begin, canUndo, present, record, redone, sealed, undone } from "../src/model/history";
import { EMPTY } from "../src/model/types";
import { place, textToImage } from "./building";

function here(at: Place, some: Partial<Here> = {}): Here {
  return { at, nodes: [], groups: [], bends: [], links: [], sizes: new Map(), pointer: [0, 0], ...some };
}

describe("commands", () => {
  it("have ids, keys and labels of their own", () => {
    const ids = GRAPH_COMMANDS.map((command) => command.id);
    const keys = GRAPH_COMMANDS.flatMap((command) => command.keys ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(keys).size).toBe(keys.length);
    expect(() => graphCommand("none")).toThrow("no command none");
  });

  it("do nothing to nothing", () => {
    for (const command of GRAPH_COMMANDS.filter(({ menus }) => !menus.includes("canvas"))) {
      const at = textToImage().at;
      expect([command.id, outcome(command, here(at)).doc === at.doc]).toEqual([command.id, true]);
    }
    expect(graphCommand("arrange").when(here(place(EMPTY)))).toBe(false);
  });

  it("work on what is selected", () => {
    const b = textToImage();
    const all = Object.values(b.ids);
    for (const command of GRAPH_COMMANDS.filter(({ menus }) => menus.includes("nodes"))) {
      const it = here(b.at, { nodes: all });
      if (command.when(it) && command.id !== "front") expect(outcome(command, it).doc).not.toBe(b.doc);
    }
  });

  it("toggle back", () => {
    const b = textToImage();
    for (const id of ["mute", "bypass", "collapse", "pin"]) {
      const command = graphCommand(id);
      const on = outcome(command, here(b.at, { nodes: [b.ids.save!] })).doc;
      expect(command.checked!(here(place(on), { nodes: [b.ids.save!] }))).toBe(true);
      const off = outcome(command, here(place(on), { nodes: [b.ids.save!] })).doc;
      expect(off.root).toEqual(b.doc.root);
    }
  });

  it("select what they make", () => {
    const b = textToImage();
    const twins = outcome(graphCommand("duplicate"), here(b.at, { nodes: [b.ids.sampler!, b.ids.decode!] }));
    expect(twins.nodes?.length).toBe(2);
    const gone = outcome(graphCommand("delete"), here(place(twins.doc), { nodes: twins.nodes! })).doc;
    expect([...graphOf(place(gone)).nodes.keys()]).toEqual([...graphOf(b.at).nodes.keys()]);
  });
});

describe("the undo list", () => {
  const docs = [1, 2, 3, 4].map((lastNode) => ({ ...EMPTY, root: { ...EMPTY.root, lastNode } }));

  it("takes the changes of one gesture together", () => {
    let history = begin(EMPTY);
    history = record(history, docs[0]!, "drag 1");
    history = record(history, docs[1]!, "drag 1");
    history = record(history, docs[2]!, "drag 2");
    expect(present(undone(history))).toBe(docs[1]);
    expect(present(undone(undone(history)))).toBe(EMPTY);
    expect(canUndo(undone(undone(history)))).toBe(false);
  });

  it("ends a gesture when it is sealed, undone or followed by another change", () => {
    let history = record(sealed(record(begin(EMPTY), docs[0]!, "g")), docs[1]!, "g");
    expect(present(undone(history))).toBe(docs[0]);
    history = record(undone(record(record(begin(EMPTY), docs[0]!), docs[1]!, "g")), docs[2]!, "g");
    expect(present(undone(history))).toBe(docs[0]);
  });

  it("forgets what was undone when something else is done", () => {
    const history = record(undone(record(begin(EMPTY), docs[0]!)), docs[1]!);
    expect(redone(history)).toBe(history);
    expect(record(history, docs[1]!)).toBe(history);
  });

  it("may be 100,000 entries long", () => {
    let history = begin(EMPTY);
    const start = performance.now();
    for (let i = 0; i < 100_000; i++) history = record(history, { ...EMPTY });
    while (canUndo(history)) history = undone(history);
    expect(present(history)).toBe(EMPTY);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
