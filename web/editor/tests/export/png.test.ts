import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32, textsOf, withText } from "../../src/export/png";

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

function pixel(): Uint8Array {
  const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const data = deflateSync(Buffer.from([0, 220, 149, 102]));
  return new Uint8Array(
    Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]),
  );
}

describe("a workflow in a PNG", () => {
  it("comes out as it went in, whatever letters it has", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (title) => {
        const file = withText(pixel(), "workflow", JSON.stringify({ title }));
        expect(JSON.parse(textsOf(file).get("workflow")!)).toEqual({ title });
      }),
    );
  });

  it("stands beside other texts", () => {
    const file = withText(withText(pixel(), "prompt", "{}"), "workflow", "[1]");
    expect([...textsOf(file)].sort()).toEqual([
      ["prompt", "{}"],
      ["workflow", "[1]"],
    ]);
  });

  it("has the checksums that PNG asks for", () => {
    expect(crc32(Buffer.from("IEND"))).toBe(0xae426082);
  });

  it("is not put into anything else", () => {
    expect(() => withText(new Uint8Array(100), "workflow", "{}")).toThrow("PNG");
    expect(textsOf(new Uint8Array(100)).size).toBe(0);
    expect(textsOf(pixel().subarray(0, 40)).size).toBe(0);
  });
});
