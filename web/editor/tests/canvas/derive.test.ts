import { describe, expect, it } from "vitest";
import { deriver, type View } from "../../src/canvas/derive";
import { addBend, moveBend } from "../../src/edit/bends";
import { addGroupAt } from "../../src/edit/groups";
import { disconnect } from "../../src/edit/links";
import { moveNodes, toggleMode } from "../../src/edit/nodes";
import { after } from "../../src/edit/place";
import { makeSubgraph } from "../../src/edit/subgraphs";
import { setValue } from "../../src/edit/values";
import { TITLE } from "../../src/model/geometry";
import { INPUTS, MUTED, OUTPUTS, ROOT, type Document } from "../../src/model/types";
import { textToImage } from "../building";

const b = textToImage();
const link = [...b.doc.root.links.values()][0]!;

function view(doc: Document, change: Partial<View> = {}): View {
  return { doc, at: ROOT, hosts: [], defs: b.at.defs, selection: new Set(), measured: new Map(), ...change };
}

/** The ids of what is another object than before. */
function changed(before: Document, now: Document, more: Partial<View> = {}): { nodes: string[]; edges: string[] } {
  const derive = deriver();
  const [old, fresh] = [derive(view(before)), derive(view(now, more))];
  const ids = <T extends { id: string }>(a: readonly T[], c: readonly T[]) =>
    c.filter((one) => !a.includes(one)).map((one) => one.id);
  return { nodes: ids(old.nodes, fresh.nodes), edges: ids(old.edges, fresh.edges) };
}

describe("what the canvas draws", () => {
  it("is all that the graph has", () => {
    const { nodes, edges } = deriver()(view(b.doc));
    expect(nodes.map((node) => node.id)).toEqual([...b.doc.root.nodes.keys()]);
    expect(edges.map((edge) => edge.id)).toEqual([...b.doc.root.links.keys()].map((id) => `link:${id}`));
    const [first] = nodes;
    const model = b.doc.root.nodes.get(first!.id)!;
    expect(first!.position).toEqual({ x: model.pos[0], y: model.pos[1] - TITLE });
  });

  it("stays the same while nothing changes", () => {
    expect(changed(b.doc, { ...b.doc })).toEqual({ nodes: [], edges: [] });
  });

  it("changes where a value does, and nowhere else", () => {
    const doc = setValue(b.at, b.ids.sampler!, "steps", 7);
    expect(changed(b.doc, doc)).toEqual({ nodes: [b.ids.sampler], edges: [] });
  });

  it("keeps the data of a node that is only moved, so that its view is not drawn again", () => {
    const doc = moveNodes(b.at, new Map([[b.ids.sampler!, [5, 6]]]));
    const derive = deriver();
    const data = (d: Document) => derive(view(d)).nodes.find((node) => node.id === b.ids.sampler)!;
    const [before, now] = [data(b.doc), data(doc)];
    expect(now).not.toBe(before);
    expect(now.data).toBe(before.data);
  });

  it("tells nodes which of their sockets have links", () => {
    const last = [...b.doc.root.links.values()].at(-1)!;
    const found = changed(b.doc, disconnect(b.at, [last.id]));
    expect(new Set(found.nodes)).toEqual(new Set([last.from, last.to]));
    expect(found.edges).toEqual([]);
  });

  it("knows what is selected and how large it is", () => {
    expect(changed(b.doc, b.doc, { selection: new Set([b.ids.save!, `link:${link.id}`]) })).toEqual({
      nodes: [b.ids.save],
      edges: [`link:${link.id}`],
    });
    const measured = new Map([[b.ids.save!, { width: 1, height: 2 }]]);
    expect(changed(b.doc, b.doc, { measured }).nodes).toEqual([b.ids.save]);
  });

  it("shows that nothing comes from a muted node", () => {
    const doc = toggleMode(b.at, [b.ids.sampler!], MUTED);
    const off = deriver()(view(doc)).edges.filter((edge) => edge.data!.off);
    const touching = [...b.doc.root.links.values()].filter((l) => [l.from, l.to].includes(b.ids.sampler!));
    expect(off.length).toBe(touching.length);
  });

  it("draws bends, and leads the link through them", () => {
    const bent = addBend(b.at, link.id, [10, 20]);
    const moved = moveBend(after(b.at, bent), [...bent.root.bends.keys()][0]!, [30, 40]);
    const { nodes, edges } = deriver()(view(moved));
    const bend = nodes.find((node) => node.type === "bend")!;
    expect(bend.data).toMatchObject({ type: link.type });
    expect(edges.find((edge) => edge.id === `link:${link.id}`)!.data!.bends).toEqual([[30, 40]]);
    expect(changed(bent, moved)).toEqual({ nodes: [bend.id], edges: [`link:${link.id}`] });
  });

  it("puts groups behind all nodes", () => {
    const { nodes } = deriver()(view(addGroupAt(b.at, "g", [0, 0, 10, 20])));
    expect(nodes[0]).toMatchObject({ type: "group", style: { width: 10, height: 20 } });
    expect(nodes[0]!.zIndex).toBeLessThan(-1000);
  });

  it("shows the inside of a subgraph with its border, under the ids of the server", () => {
    const made = makeSubgraph(b.at, [b.ids.sampler!, b.ids.decode!], "s");
    const host = made.nodes[0]!;
    const type = made.doc.root.nodes.get(host)!.type;
    const outside = deriver()(view(made.doc)).nodes.find((node) => node.id === host)!;
    expect(outside.data).toMatchObject({ isHost: true, def: { title: "s" } });
    const { nodes } = deriver()(view(made.doc, { at: type, hosts: [host] }));
    expect(nodes.filter((node) => node.type === "border").map((node) => node.id)).toEqual([INPUTS, OUTPUTS]);
    const inner = nodes.filter((node) => node.type === "node");
    expect(inner.map((node) => node.data.runId)).toEqual(inner.map((node) => `${host}:${node.id}`));
  });
});
