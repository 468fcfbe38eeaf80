import fc from "fast-check";
import { expect, test } from "vitest";
import { choose, pack, unpack, type KeptWindow } from "../src/app/autosave";

const workflow = { nodes: [{ id: 1, type: "Note" }], links: [], version: 0.4 };
const kept = (id: string, at = 0): KeptWindow => ({
  id,
  at,
  active: 1,
  tabs: [
    { name: "a", path: "workflows/a.json", workflow, changed: false },
    { name: "b", workflow, changed: true, job: "j" },
  ],
});

test("what is packed is unpacked", () => {
  expect(unpack(structuredClone(pack(kept("w", 5))))).toEqual(kept("w", 5));
});

test("nonsense is nothing, and broken tabs do not take the others with them", () => {
  fc.assert(fc.property(fc.anything(), (value) => void expect(unpack(value)).toBeUndefined()));
  const broken = { ...pack(kept("w")), active: 9, tabs: [null, { name: 3, workflow }, { name: "x", workflow: {} }] };
  expect(unpack(broken)).toEqual({ id: "w", at: 0, active: 0, tabs: [{ name: "?", workflow, changed: false }] });
});

test("a window that reloads has its own tabs again", () => {
  expect(choose([kept("x", 9), kept("me", 1)], "me", new Set(), 10).restore?.id).toBe("me");
});

test("a new window takes over what closed or crashed last, never what another window shows", () => {
  const found = choose([kept("old", 1), kept("crashed", 5), kept("open", 9)], "me", new Set(["open"]), 10);
  expect([found.restore?.id, found.drop]).toEqual(["crashed", ["crashed"]]);
});

test("what nobody asked for in a month goes", () => {
  const found = choose([kept("ancient", 0), kept("me", 9e9)], "me", new Set(), 9e9);
  expect([found.restore?.id, found.drop]).toEqual(["me", ["ancient"]]);
});
