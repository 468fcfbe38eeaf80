import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { copy, duplicate, paste, pasteable } from "../src/edit/clipboard";
import { addGroup } from "../src/edit/groups";
import { linkInto } from "../src/edit/links";
import { graphOf } from "../src/edit/place";
import { makeSubgraph } from "../src/edit/subgraphs";
import { setValue } from "../src/edit/values";
import { EMPTY, type Graph, type NodeId } from "../src/model/types";
import { apply, Builder, place, steps, textToImage } from "./building";

/** The links among some nodes, by the types of their ends. */
function inner(graph: Graph, ids: readonly NodeId[]): string[] {
  const type = (id: NodeId) => graph.nodes.get(id)!.type;
  return [...graph.links.values()]
    .filter((link) => ids.includes(link.from) && ids.includes(link.to))
    .map((link) => `${type(link.from)} ${link.fromSlot} ${type(link.to)} ${link.toSlot}`)
    .sort();
}

describe("copy and paste", () => {
  it("keep values and the links among what was copied", () => {
    const chosen = fc.array(fc.boolean(), { minLength: 5, maxLength: 9 });
    fc.assert(
      fc.property(steps(20), chosen, (list, picks) => {
        const doc = list.reduce((now, step) => apply(place(now), step), textToImage().doc);
        const ids = [...doc.root.nodes.keys()].filter((_, i) => picks[i % picks.length]);
        const text = copy(place(doc), { nodes: ids });
        const here = paste(place(doc), pasteable(text)!, [0, 0]);
        const there = paste(place(EMPTY), pasteable(text)!, [0, 0]);
        expect(inner(here.doc.root, here.nodes)).toEqual(inner(doc.root, ids));
        expect(inner(there.doc.root, there.nodes)).toEqual(inner(doc.root, ids));
        expect(there.nodes.map((id) => there.doc.root.nodes.get(id)!.values)).toEqual(
          ids.map((id) => doc.root.nodes.get(id)!.values),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("put the upper left corner where it is wanted", () => {
    const b = textToImage();
    b.edit((at) => addGroup(at, "g", [b.ids.positive!]));
    const text = copy(b.at, { nodes: [b.ids.positive!], groups: [graphOf(b.at).groups[0]!.id] });
    const made = paste(place(EMPTY), pasteable(text)!, [1000, 500]);
    expect(made.doc.root.groups[0]!.bounds.slice(0, 2)).toEqual([1000, 500]);
    expect(made.groups).toEqual([made.doc.root.groups[0]!.id]);
  });

  it("connect to what fed the copied nodes, if asked", () => {
    const b = textToImage();
    const text = copy(b.at, { nodes: [b.ids.sampler!] });
    const alone = paste(b.at, pasteable(text)!, [0, 0]);
    expect(linkInto(alone.doc.root, { node: alone.nodes[0]!, slot: 0 })).toBeUndefined();
    const linked = paste(b.at, pasteable(text)!, [0, 0], true);
    expect(linkInto(linked.doc.root, { node: linked.nodes[0]!, slot: 0 })?.from).toBe(b.ids.loader);
    const twin = duplicate(b.at, { nodes: [b.ids.sampler!] }, [10, 10]);
    expect(linkInto(twin.doc.root, { node: twin.nodes[0]!, slot: 3 })?.from).toBe(b.ids.latent);
  });

  it("bring the subgraphs along, one that is there already only once", () => {
    const b = textToImage();
    const host = b.make((at) => makeSubgraph(at, [b.ids.sampler!, b.ids.decode!], "s"));
    const text = copy(b.at, { nodes: [host] });
    const there = paste(place(EMPTY), pasteable(text)!, [0, 0]);
    expect(there.doc.definitions.size).toBe(1);
    const here = paste(b.at, pasteable(text)!, [0, 0]);
    expect(here.doc.definitions.size).toBe(1);
    expect(here.doc.root.nodes.get(here.nodes[0]!)!.type).toBe(b.doc.root.nodes.get(host)!.type);
  });

  it("keep a subgraph apart from one that was changed since", () => {
    const b = textToImage();
    const host = b.make((at) => makeSubgraph(at, [b.ids.sampler!, b.ids.decode!], "s"));
    const text = copy(b.at, { nodes: [host] });
    const inside = new Builder(b.doc, b.doc.root.nodes.get(host)!.type);
    inside.edit((at) => setValue(at, b.ids.sampler!, "steps", 99));
    const pasted = paste(place(inside.doc), pasteable(text)!, [0, 0]);
    expect(pasted.doc.definitions.size).toBe(2);
    const type = pasted.doc.root.nodes.get(pasted.nodes[0]!)!.type;
    expect(pasted.doc.definitions.get(type)!.nodes.get(b.ids.sampler!)!.values.steps).toBe(20);
  });

  it("know what can be pasted", () => {
    expect(pasteable("a nice picture")).toBeNull();
    expect(pasteable('{"nodes":[],"links":[]}')).toBeNull(); // a workflow: it is opened
    expect(pasteable(copy(textToImage().at, { nodes: [] }))).not.toBeNull();
  });
});
