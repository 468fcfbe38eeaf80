import { describe, expect, it } from "vitest";
import { search } from "../../src/model/fuzzy";

const MODELS = [
  "sd15/v1-5-pruned.safetensors",
  "sdxl/base_1.0.safetensors",
  "flux1-dev.sft",
  "starter-emoji-128.safetensors",
];

describe("the filter of a menu", () => {
  it("gives everything for nothing", () => {
    expect(search(" ", MODELS)).toEqual([0, 1, 2, 3]);
  });

  it("puts a whole word before its letters apart", () => {
    expect(search("dev", MODELS)).toEqual([2]);
    expect(search("base", MODELS)[0]).toBe(1);
    expect(search("st128", MODELS)).toContain(3);
    expect(search("EMOJI star", MODELS)).toEqual([3]);
    expect(search("zzz", MODELS)).toEqual([]);
  });

  it("puts the start before the middle, and the short before the long", () => {
    expect(search("euler", ["dpm_euler", "euler_ancestral", "euler"])).toEqual([2, 1, 0]);
  });

  it("filters 5,000 entries within a frame", () => {
    const names = Array.from({ length: 5000 }, (_, i) => `folder${i % 40}/some_long_model_name_v${i}.safetensors`);
    search("warm up", names);
    const start = performance.now();
    for (const query of ["m", "mo", "model v49", "sln99"]) expect(search(query, names).length).toBeGreaterThan(0);
    expect((performance.now() - start) / 4).toBeLessThan(16);
  });
});
