/** How the code is laid out: what imports what, and how large a module may be. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));
const FILES = readdirSync(SOURCE, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => relative(SOURCE, join(entry.parentPath, entry.name)))
  .filter((path) => !path.endsWith(".gen.ts"));

/** What the pure folders may import beside their own. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  model: [],
  edit: ["model"],
  commands: ["edit", "i18n", "model"],
  i18n: [],
};
const LONGEST = 300;

function imports(path: string): string[] {
  const text = readFileSync(join(SOURCE, path), "utf8");
  return [...text.matchAll(/from "(.+?)"/g)].map((match) => match[1]!);
}

it.each(FILES.filter((path) => path.split(sep)[0]! in ALLOWED))("%s imports what its folder may", (path) => {
  const folder = path.split(sep)[0]!;
  const folders = imports(path).map((name) =>
    name.startsWith(".") ? relative(SOURCE, join(SOURCE, dirname(path), name)).split(sep)[0] || folder : name,
  );
  expect(folders.filter((other) => other !== folder && !ALLOWED[folder]!.includes(other))).toEqual([]);
});

it("only what draws imports React", () => {
  const drawing = /^(app|canvas|panels|widgets|first|export)\b|^main\.tsx$/;
  const found = FILES.filter((path) => imports(path).some((name) => /^react|^@xyflow/.test(name)));
  expect(found.filter((path) => !drawing.test(path))).toEqual([]);
});

it("no module is too long to read", () => {
  const lines = FILES.filter((path) => !path.startsWith("i18n")).map((path): [string, number] => [
    path,
    readFileSync(join(SOURCE, path), "utf8").split("\n").length,
  ]);
  expect(lines.filter(([, count]) => count > LONGEST)).toEqual([]);
});

it("no cast hides what a type says", () => {
  const found = FILES.filter((path) =>
    /\bas any\b|: any[;,)]|@ts-(ignore|nocheck)/.test(readFileSync(join(SOURCE, path), "utf8")),
  );
  expect(found).toEqual([]);
});
