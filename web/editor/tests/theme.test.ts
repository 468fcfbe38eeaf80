/** Text can be read and shapes can be seen, in every theme: the contrast of each pair of tokens that meet. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contrast } from "./contrast";

const css = readFileSync(new URL("../src/theme.css", import.meta.url), "utf8");
const GROUNDS = ["bg", "bg-raised", "bg-sunken", "bg-hover"];
const TEXTS = ["text", "text-dim", "accent", "danger", "warn", "ok"];

type Tokens = Readonly<Record<string, string>>;

function tokens(selector: string, inherited: Tokens = {}): Tokens {
  const start = css.indexOf(`\n${selector} {`);
  const block = css.slice(start, css.indexOf("\n}", start));
  const found = [...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((match) => [match[1]!, match[2]!] as const);
  return { ...inherited, ...Object.fromEntries(found) };
}

const dark = tokens(":root");
const THEMES: readonly [string, Tokens, number][] = [
  ["dark", dark, 4.5],
  ["light", tokens('[data-theme="light"]', dark), 4.5],
  ["contrast", tokens('[data-theme="contrast"]', dark), 7],
];

describe.each(THEMES)("the %s theme", (_name, theme, least) => {
  const pairs = GROUNDS.flatMap((ground) => TEXTS.map((text) => [text, ground] as const));

  it.each(pairs)("%s is read on %s", (text, ground) => {
    expect(contrast(theme[text]!, theme[ground]!)).toBeGreaterThanOrEqual(least);
  });

  it.each([
    ["accent-text", "accent"],
    ["danger", "danger-soft"],
    ["warn", "warn-soft"],
    ["text", "danger-soft"],
    ["text", "warn-soft"],
    ["text", "accent-soft"],
    ["accent", "accent-soft"],
  ])("%s is read on %s", (text, ground) => {
    expect(contrast(theme[text]!, theme[ground]!)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(["line-strong", "focus"])("%s is seen on every ground", (token) => {
    for (const ground of GROUNDS) expect(contrast(theme[token]!, theme[ground]!)).toBeGreaterThanOrEqual(3);
  });

  it("shows every socket on every ground", () => {
    const sockets = Object.keys(theme).filter((token) => token.startsWith("socket-"));
    expect(sockets.length).toBeGreaterThan(20);
    for (const socket of sockets) {
      for (const ground of GROUNDS) {
        expect(contrast(theme[socket]!, theme[ground]!), `${socket} on ${ground}`).toBeGreaterThanOrEqual(3);
      }
    }
  });
});
