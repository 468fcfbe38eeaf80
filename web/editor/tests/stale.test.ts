import { expect, test } from "vitest";
import { EMPTY, type Document, type Link, type Node } from "../src/model/types";
import { standing } from "../src/run/stale";
import type { NodeProblem } from "../src/run/types";

const node = (id: string): Node => ({
  id,
  type: "A",
  pos: [0, 0],
  mode: 0,
  flags: {},
  inputs: [],
  outputs: [],
  values: {},
  properties: {},
});
const doc = (nodes: Node[], links: Link[] = []): Document => ({
  ...EMPTY,
  root: {
    ...EMPTY.root,
    nodes: new Map(nodes.map((one) => [one.id, one])),
    links: new Map(links.map((one) => [one.id, one])),
  },
});
const problem = (id: string): NodeProblem => ({ node: id, message: "no", severity: "error" });
const [a, b] = [node("1"), node("2")];
const all = [problem("1"), problem("2"), problem("")];

test("moving a node solves nothing", () => {
  expect(standing(all, doc([a, b]), doc([{ ...a, pos: [9, 9] }, b]))).toBe(all);
});

test("another value may solve the problems of its node, and of no other", () => {
  expect(standing(all, doc([a, b]), doc([{ ...a, values: { x: 1 } }, b]))).toEqual([problem("2"), problem("")]);
});

test("another link may solve those of the node that it leads to, and of the whole", () => {
  const link = { id: "1", from: "1", fromSlot: 0, to: "2", toSlot: 0, type: "X" };
  expect(standing(all, doc([a, b]), doc([a, b], [link]))).toEqual([problem("1")]);
});

test("a node that goes takes its problems along", () => {
  expect(standing([problem("1")], doc([a, b]), doc([b]))).toEqual([]);
});
