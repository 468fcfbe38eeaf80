import { describe, expect, it } from "vitest";
import { draw } from "../../src/export/boxes";
import { escaped, svgOf } from "../../src/export/svg";
import { cut, widthOf, wrapped } from "../../src/export/words";
import { readDefs } from "../../src/model/nodes";
import { read } from "../../src/model/read";
import { levels, ROOT, type JsonObject } from "../../src/model/types";
import { defs as standard, names, workflow } from "../conformance";

const colors = (token: string) => (token.startsWith("socket-") ? "#888888" : "#123456");
const defs = readDefs({
  Sampler: {
    input: { required: { model: ["MODEL", {}], seed: ["INT", {}], text: ["STRING", { multiline: true }] } },
    output: ["IMAGE"],
    output_name: ["picture"],
  },
});

function node(id: number, more: JsonObject = {}): JsonObject {
  return {
    id,
    type: "Sampler",
    pos: [id * 400, 0],
    inputs: [],
    outputs: [],
    widgets_values: [7, "fixed", "a <b> & c"],
    ...more,
  };
}

function svg(raw: JsonObject): string {
  const doc = read(raw, defs);
  return svgOf(
    draw({ doc, at: ROOT, defs, sizes: new Map(), pictures: new Map([["1", "data:image/webp;base64,AA"]]) }),
    colors,
  );
}

/** Every element is closed, and nothing else is in it. */
function wellFormed(text: string): boolean {
  const open: string[] = [];
  for (const [, close, name, empty] of text.matchAll(/<(\/?)(\w+)(?:\s+[\w-]+="[^"<]*")*(\/?)>/g)) {
    if (close && open.pop() !== name) return false;
    if (!close && !empty) open.push(name!);
  }
  return open.length === 0 && !/<(?!\/?\w)|&(?!(amp|lt|gt|quot);)/.test(text);
}

describe("a graph as SVG", () => {
  it("shows titles, sockets, values, links and pictures", () => {
    const made = svg({ nodes: [node(1), node(2, { title: "二 <x>" })], links: [], version: 0.4 });
    for (const part of [
      "Sampler",
      "二 &lt;x&gt;",
      "model",
      "picture",
      "a &lt;b&gt; &amp; c",
      ">7<",
      "data:image/webp",
    ]) {
      expect(made).toContain(part);
    }
    expect(wellFormed(made)).toBe(true);
  });

  it("takes nothing for a colour that is none", () => {
    const made = svg({ nodes: [node(1, { color: '"/><script>', bgcolor: "#353" })], links: [], version: 0.4 });
    expect(made).not.toContain("script");
    expect(made).toContain("#353");
    expect(wellFormed(made)).toBe(true);
  });

  it.each(names)("draws every level of %s", (name) => {
    const doc = read(workflow(name), standard);
    for (const [at, graph] of levels(doc)) {
      const drawing = draw({ doc, at, defs: standard, sizes: new Map() });
      expect(drawing.wires).toHaveLength(graph.links.size);
      expect(drawing.bounds.every(Number.isFinite)).toBe(true);
      expect(wellFormed(svgOf(drawing, colors))).toBe(true);
    }
  });

  it("escapes what XML cannot have", () => {
    expect(escaped('a\u0000<"&>')).toBe("a&lt;&quot;&amp;&gt;");
  });
});

describe("words", () => {
  it("are cut and wrapped to a width", () => {
    expect(cut("short", 100)).toBe("short");
    expect(widthOf(cut("a very long line of words", 60))).toBeLessThanOrEqual(60);
    expect(wrapped("one two three", widthOf("one two "))).toEqual(["one two", "three"]);
    expect(wrapped("a\n\nb", 100)).toEqual(["a", "", "b"]);
    for (const line of wrapped("x".repeat(100), 80)) expect(widthOf(line)).toBeLessThanOrEqual(88);
    expect(wrapped("中文".repeat(10), 60).join("")).toBe("中文".repeat(10));
    expect(wrapped("y\n".repeat(100), 80)).toHaveLength(40);
  });
});
