/**
 * Markdown, as much of it as a note needs: headings, lists, quotes, code, tables, rules; bold, italics, struck out,
 * code, links. HTML in it is text, and a link leads only where a link may lead. The result is data: no HTML is built.
 */

export type Inline =
  | string
  | { readonly kind: "strong" | "em" | "del"; readonly parts: readonly Inline[] }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "link"; readonly href: string; readonly parts: readonly Inline[] }
  | { readonly kind: "break" };

export interface Item {
  readonly parts: readonly Inline[];
  /** A task: done or not. */
  readonly done?: boolean;
  readonly blocks: readonly Block[];
}

export type Align = "left" | "center" | "right" | undefined;

export type Block =
  | { readonly kind: "heading"; readonly level: number; readonly parts: readonly Inline[] }
  | { readonly kind: "paragraph"; readonly parts: readonly Inline[] }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "quote"; readonly blocks: readonly Block[] }
  | { readonly kind: "list"; readonly start: number | undefined; readonly items: readonly Item[] }
  | {
      readonly kind: "table";
      /** Of each column. */
      readonly align: readonly Align[];
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly kind: "rule" };

const DEEPEST = 8;
const LIST = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const STARTS = /^(#{1,6}\s|\s*(```|~~~)|\s*>|\s*([-*+]|\d{1,9}[.)])\s+|\s*([-*_])(\s*\4){2,}\s*$)/;

export function parseMarkdown(source: string): Block[] {
  return blocks(source.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

function blocks(lines: readonly string[], depth: number): Block[] {
  const found: Block[] = [];
  for (let at = 0; at < lines.length;) {
    if (!lines[at]!.trim()) {
      at += 1;
      continue;
    }
    const [block, next] = oneBlock(lines, at, depth);
    found.push(block);
    at = next;
  }
  return found;
}

type Read = readonly [block: Block, next: number];

function oneBlock(lines: readonly string[], at: number, depth: number): Read {
  const line = lines[at]!;
  const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
  if (heading) return [{ kind: "heading", level: heading[1]!.length, parts: inlines(heading[2]!) }, at + 1];
  const fence = /^\s*(```|~~~)/.exec(line)?.[1];
  if (fence) return code(lines, at, fence);
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) return [{ kind: "rule" }, at + 1];
  if (depth < DEEPEST && /^\s*>/.test(line)) return quote(lines, at, depth);
  if (depth < DEEPEST && LIST.test(line)) return list(lines, at, depth);
  return table(lines, at) ?? paragraph(lines, at);
}

function code(lines: readonly string[], at: number, fence: string): Read {
  const end = lines.findIndex((line, i) => i > at && line.trim().startsWith(fence));
  const last = end < 0 ? lines.length : end;
  return [{ kind: "code", text: lines.slice(at + 1, last).join("\n") }, last + 1];
}

function quote(lines: readonly string[], at: number, depth: number): Read {
  const end = upTo(lines, at, (line) => !/^\s*>/.test(line));
  const inner = lines.slice(at, end).map((line) => line.replace(/^\s*> ?/, ""));
  return [{ kind: "quote", blocks: blocks(inner, depth + 1) }, end];
}

function upTo(lines: readonly string[], at: number, ends: (line: string) => boolean): number {
  const found = lines.findIndex((line, i) => i >= at && ends(line));
  return found < 0 ? lines.length : found;
}

/** What is indented more than the sign of an item belongs to it. */
function list(lines: readonly string[], from: number, depth: number): Read {
  const first = LIST.exec(lines[from]!)!;
  const indent = first[1]!.length;
  const ordered = /\d/.test(first[2]!);
  const items: Item[] = [];
  let at = from;
  while (at < lines.length) {
    const sign = LIST.exec(lines[at]!);
    if (!sign || sign[1]!.length > indent + 1 || /\d/.test(sign[2]!) !== ordered) break;
    const end = upTo(lines, at + 1, (line) => !line.trim() || line.search(/\S/) <= indent);
    items.push(item(sign[3]!, lines.slice(at + 1, end), depth));
    at = end;
  }
  return [{ kind: "list", start: ordered ? parseInt(first[2]!, 10) : undefined, items }, at];
}

function item(text: string, rest: readonly string[], depth: number): Item {
  const task = /^\[([ xX])\]\s+(.*)$/.exec(text);
  const plain = upTo(rest, 0, (line) => STARTS.test(line));
  const words = [task ? task[2]! : text, ...rest.slice(0, plain).map((line) => line.trim())].join("\n");
  const inner = blocks(rest.slice(plain), depth + 1);
  return { parts: inlines(words), blocks: inner, ...(task ? { done: task[1] !== " " } : {}) };
}

/** As many columns as the head has: what a row lacks is empty, what it has more is left out. */
function table(lines: readonly string[], at: number): Read | undefined {
  const under = lines[at + 1] ?? "";
  if (!lines[at]!.includes("|") || !/^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(under)) return undefined;
  const end = upTo(lines, at + 2, (line) => !line.includes("|"));
  const head = cells(lines[at]!);
  const rows = lines.slice(at + 2, end).map((line) => {
    const row = cells(line);
    return head.map((_, i) => inlines(row[i] ?? ""));
  });
  return [{ kind: "table", align: cells(under).map(alignment), head: head.map((cell) => inlines(cell)), rows }, end];
}

/** A bar after a backslash divides nothing. */
function cells(line: string): string[] {
  const inner = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function alignment(rule: string): Align {
  const [first, last] = [rule.startsWith(":"), rule.endsWith(":")];
  return first && last ? "center" : last ? "right" : first ? "left" : undefined;
}

function paragraph(lines: readonly string[], at: number): Read {
  const end = upTo(lines, at + 1, (line) => !line.trim() || STARTS.test(line));
  const words = lines.slice(at, end).map((line) => line.trimStart());
  return [{ kind: "paragraph", parts: inlines(words.join("\n")) }, Math.max(end, at + 1)];
}

const INLINE =
  /\\([\\`*_{}[\]()#+\-.!~>|])|(`+)(.{1,2000}?)\2(?!`)|!?\[([^[\]\n]{0,400})\]\(\s*([^\s()]{1,2000})[^()\n]{0,200}\)|<?(https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"])>?|(\*\*|__)(?=\S)([^\n]{1,2000}?\S?)\7|(~~)(?=\S)([^\n]{1,2000}?)~~|(?<![\w*])([*_])(?=\S)([^\n*_]{1,2000}?\S?)\11(?!\w)|( {2,}|\\)?\n/s;

export function inlines(text: string, depth = 0): Inline[] {
  const parts: Inline[] = [];
  let rest = text;
  while (rest) {
    const found = depth < DEEPEST ? INLINE.exec(rest) : null;
    if (!found) break;
    if (found.index) parts.push(rest.slice(0, found.index));
    parts.push(inline(found, depth + 1));
    rest = rest.slice(found.index + found[0].length);
  }
  if (rest) parts.push(rest);
  return parts;
}

function inline(found: RegExpExecArray, depth: number): Inline {
  const [whole, escaped, , code, label, href, bare, , strong, , del, , em] = found;
  if (escaped !== undefined) return escaped;
  if (code !== undefined) return { kind: "code", text: code.trim() || code };
  if (href !== undefined) return link(whole, href, inlines(label || href, depth));
  if (bare !== undefined) return link(whole, bare, [bare]);
  if (strong !== undefined) return { kind: "strong", parts: inlines(strong, depth) };
  if (del !== undefined) return { kind: "del", parts: inlines(del, depth) };
  if (em !== undefined) return { kind: "em", parts: inlines(em, depth) };
  return /^( {2,}|\\)\n/.test(whole) ? { kind: "break" } : " ";
}

/** Only to pages and mail; anything else stays the text that it is. */
function link(whole: string, href: string, parts: readonly Inline[]): Inline {
  return /^(https?:\/\/|mailto:)/i.test(href) ? { kind: "link", href, parts } : whole;
}
