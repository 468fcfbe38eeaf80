import { describe, expect, it } from "vitest";
import { bestSlot, fitting, partnersOf, typeOf } from "../../src/canvas/fits";
import type { Socket } from "../../src/canvas/ui";
import { canConnect, disconnect } from "../../src/edit/links";
import { after, graphOf, inputsOf, outputsOf } from "../../src/edit/place";
import { makeSubgraph } from "../../src/edit/subgraphs";
import { INPUTS, OUTPUTS } from "../../src/model/types";
import { place, textToImage } from "../building";

const b = textToImage();
const graph = graphOf(b.at);

function sockets(): Socket[] {
  return [...graph.nodes.keys()].flatMap((node) => [
    ...inputsOf(graph, node).map((s, slot): Socket => ({ node, slot, side: "input", type: s.type })),
    ...outputsOf(graph, node).map((s, slot): Socket => ({ node, slot, side: "output", type: s.type })),
  ]);
}

const named = (node: string, name: string): Socket => {
  const slot = inputsOf(graph, node).findIndex((input) => input.name === name);
  return { node, slot, side: "input", type: inputsOf(graph, node)[slot]!.type };
};

describe("what a drawn link lights up", () => {
  it("is exactly what it may be connected to", () => {
    for (const end of sockets()) {
      const fits = fitting(b.at, [end]);
      for (const other of sockets()) {
        const pair = end.side === "output" ? ([end, other] as const) : ([other, end] as const);
        const expected = end.side !== other.side && canConnect(b.at, ...pair);
        expect([end, other, fits(other)]).toEqual([end, other, expected]);
      }
    }
  });

  it("is what the keyboard lists", () => {
    for (const end of sockets()) {
      const all = sockets().filter((other) => other.side !== end.side);
      const fit = all.filter((other) =>
        end.side === "output" ? canConnect(b.at, end, other) : canConnect(b.at, other, end),
      );
      expect(partnersOf(b.at, end)).toEqual(fit.map(({ node, slot }) => ({ node, slot })));
    }
  });
});

describe("a link dropped on a node", () => {
  const latent: Socket = { node: b.ids.latent!, slot: 0, side: "output", type: "LATENT" };

  it("goes to the input of its type", () => {
    expect(bestSlot(b.at, b.ids.sampler!, [latent])).toEqual(named(b.ids.sampler!, "latent_image"));
  });

  it("goes nowhere where nothing fits", () => {
    expect(bestSlot(b.at, b.ids.save!, [latent])).toBeUndefined();
    expect(bestSlot(b.at, b.ids.latent!, [latent])).toBeUndefined();
  });

  it("takes a free input before a linked one", () => {
    const negative = [...graph.links.values()].find((l) => l.toSlot === named(b.ids.sampler!, "negative").slot)!;
    const free = after(b.at, disconnect(b.at, [negative.id]));
    const clip = [...graph.nodes.values()].find((node) => node.outputs[0]?.type === "CONDITIONING")!;
    const end: Socket = { node: clip.id, slot: 0, side: "output", type: "CONDITIONING" };
    expect(bestSlot(free, b.ids.sampler!, [end])).toEqual(named(b.ids.sampler!, "negative"));
  });

  it("makes a new socket on the border of a subgraph, from the side that it leads to", () => {
    const made = makeSubgraph(b.at, [b.ids.sampler!], "s");
    const at = { ...place(made.doc), level: made.doc.root.nodes.get(made.nodes[0]!)!.type };
    const inside = graphOf(at);
    const [sampler] = inside.nodes.keys();
    const steps = inside.nodes.get(sampler!)!.inputs.findIndex((input) => input.name === "steps");
    const end: Socket = { node: sampler!, slot: steps, side: "input", type: "INT" };
    const count = outputsOf(inside, INPUTS).length;
    expect(bestSlot(at, INPUTS, [end])).toMatchObject({ node: INPUTS, slot: count, side: "output" });
    expect(bestSlot(at, OUTPUTS, [end])).toBeUndefined();
  });
});

describe("the type of a socket", () => {
  it("is its own", () => {
    for (const socket of sockets()) expect(typeOf(graph, socket)).toBe(socket.type);
  });
});
