/** Markdown as React elements. */

import { createElement, Fragment, type ReactNode } from "react";
import { parseMarkdown, type Align, type Block, type Inline, type Item } from "./markdown";

export function Markdown({ source }: { readonly source: string }) {
  return <div className="w-markdown">{parseMarkdown(source).map(drawBlock)}</div>;
}

function drawBlock(block: Block, key: number): ReactNode {
  switch (block.kind) {
    case "heading":
      return createElement(`h${Math.min(6, block.level + 1)}`, { key, "data-level": block.level }, draw(block.parts));
    case "paragraph":
      return <p key={key}>{draw(block.parts)}</p>;
    case "code":
      return (
        <pre key={key}>
          <code>{block.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote key={key}>{block.blocks.map(drawBlock)}</blockquote>;
    case "list":
      return createElement(
        block.start === undefined ? "ul" : "ol",
        { key, ...(block.start === undefined ? {} : { start: block.start }) },
        block.items.map(drawItem),
      );
    case "table":
      return <Table key={key} {...block} />;
    case "rule":
      return <hr key={key} />;
  }
}

function drawItem(item: Item, key: number): ReactNode {
  return (
    <li key={key} data-task={item.done === undefined ? undefined : ""}>
      {item.done !== undefined && <input type="checkbox" checked={item.done} readOnly disabled />}
      {draw(item.parts)}
      {item.blocks.map(drawBlock)}
    </li>
  );
}

type Cells = readonly (readonly Inline[])[];

interface TableProps {
  readonly align: readonly Align[];
  readonly head: Cells;
  readonly rows: readonly Cells[];
}

function Table({ align, head, rows }: TableProps) {
  const cell = (kind: "th" | "td") => (parts: readonly Inline[], key: number) =>
    createElement(kind, { key, "data-align": align[key] }, draw(parts));
  return (
    <div className="w-table">
      <table>
        <thead>
          <tr>{head.map(cell("th"))}</tr>
        </thead>
        <tbody>
          {rows.map((row, r) => (
            <tr key={r}>{row.map(cell("td"))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function draw(parts: readonly Inline[]): ReactNode {
  return parts.map((part, key) => <Fragment key={key}>{drawInline(part)}</Fragment>);
}

function drawInline(part: Inline): ReactNode {
  if (typeof part === "string") return part;
  switch (part.kind) {
    case "code":
      return <code>{part.text}</code>;
    case "link":
      return (
        <a href={part.href} target="_blank" rel="noopener noreferrer nofollow" className="nodrag">
          {draw(part.parts)}
        </a>
      );
    case "break":
      return <br />;
    default:
      return createElement(part.kind, null, draw(part.parts));
  }
}
