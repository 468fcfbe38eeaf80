/** Every text is in the table, and everything in the table is used. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { LANGUAGES, TABLE, preferred, setLanguage, t, type Part } from "../src/i18n";

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));
const PARTS = Object.entries(TABLE) as [string, Part][];
const KEYS = PARTS.flatMap(([part, texts]) => Object.keys(texts).map((name) => `${part}.${name}`));

function sources(folder = SOURCE): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "i18n" ? [] : sources(path);
    return /\.tsx?$/.test(entry.name) ? [readFileSync(path, "utf8")] : [];
  });
}

const CODE = sources().join("\n");
/** Keys as they are written, and the beginnings of those that are put together: `canvas.mode.${mode}`. */
const WRITTEN = new Set(CODE.match(/["'`](\w+\.[\w.-]+)["'`]/g)?.map((quoted) => quoted.slice(1, -1)));
const BEGINNINGS = [...CODE.matchAll(/`(\w+\.[\w.-]*)\$\{/g)].map((match) => match[1]!);

describe("the table of texts", () => {
  afterEach(() => setLanguage("en"));

  it("has a text in each language for each key", () => {
    const empty = PARTS.flatMap(([, texts]) => Object.values(texts)).filter((pair) =>
      pair.some((text) => !text.trim()),
    );
    expect(empty).toEqual([]);
    expect(Object.keys(LANGUAGES)).toEqual(["en", "zh-CN"]);
  });

  it("is filled in alike in both languages", () => {
    const fillings = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    for (const [part, texts] of PARTS) {
      for (const [name, [en, zh]] of Object.entries(texts)) {
        expect([`${part}.${name}`, [...new Set(fillings(zh))]]).toEqual([
          `${part}.${name}`,
          [...new Set(fillings(en))],
        ]);
      }
    }
  });

  it("has Chinese where there are words", () => {
    const same = PARTS.flatMap(([part, texts]) =>
      Object.entries(texts)
        .filter(([, [en, zh]]) => en === zh && /[a-z]{4}/.test(en))
        .map(([name]) => `${part}.${name}`),
    );
    expect(same).toEqual([]);
  });

  it("has no text that nobody uses", () => {
    const used = (key: string) => WRITTEN.has(key) || BEGINNINGS.some((start) => key.startsWith(start));
    expect(KEYS.filter((key) => !used(key))).toEqual([]);
  });

  it("has every key that is written", () => {
    const called = [...CODE.matchAll(/\bt\(\s*["'](\w+\.[\w.-]+)["']/g)].map((match) => match[1]!);
    expect(called.filter((key) => !KEYS.includes(key))).toEqual([]);
  });

  it("is asked in the language that was chosen", () => {
    expect(t("canvas.more", { count: 3 })).toContain("3");
    const english = t("commands.delete");
    setLanguage("zh-CN");
    expect(t("commands.delete")).not.toBe(english);
  });

  it("follows the browser", () => {
    expect(preferred(["zh-TW", "en"])).toBe("zh-CN");
    expect(preferred(["fr", "en-GB"])).toBe("en");
    expect(preferred([])).toBe("en");
  });
});
