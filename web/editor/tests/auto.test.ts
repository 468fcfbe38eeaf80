import { expect, test } from "vitest";
import { sameMeaning } from "../src/run/meaning";
import { EMPTY, type Document, type Node } from "../src/model/types";

const node = (id: string, change: Partial<Node> = {}): Node => ({
  id,
  type: "KSampler",
  pos: [0, 0],
  mode: 0,
  flags: {},
  inputs: [],
  outputs: [],
  values: {},
  properties: {},
  ...change,
});
const doc = (...nodes: Node[]): Document => ({
  ...EMPTY,
  root: { ...EMPTY.root, nodes: new Map(nodes.map((one) => [one.id, one])) },
});
const first = node("1");

test("places, colours and titles mean nothing", () => {
  expect(sameMeaning(doc(first), doc({ ...first, pos: [5, 5], color: "#123", title: "x" }))).toBe(true);
});

test("values, modes, types, nodes and links mean something", () => {
  expect(sameMeaning(doc(first), doc({ ...first, values: { seed: 1 } }))).toBe(false);
  expect(sameMeaning(doc(first), doc({ ...first, mode: 4 }))).toBe(false);
  expect(sameMeaning(doc(first), doc({ ...first, type: "Other" }))).toBe(false);
  expect(sameMeaning(doc(first), doc(first, node("2")))).toBe(false);
  const linked = doc(first, node("2"));
  const link = { id: "1", from: "1", fromSlot: 0, to: "2", toSlot: 0, type: "LATENT" };
  const after = { ...linked, root: { ...linked.root, links: new Map([["1", link]]) } };
  expect(sameMeaning(linked, after)).toBe(false);
  const renamed = { ...linked, root: { ...linked.root, links: new Map([["9", { ...link, id: "9" }]]) } };
  expect(sameMeaning(after, renamed)).toBe(true);
});
