/** The title bar of a node: its name, its state, and what it is to be known by. */

import { memo, type KeyboardEvent } from "react";
import { change } from "../app/editor";
import { useStore } from "../app/store";
import { setTitle, toggleFlag } from "../edit/nodes";
import { t } from "../i18n";
import { BYPASSED, MUTED } from "../model/types";
import type { NodeRun } from "../run/types";
import { socketColor } from "../widgets/sockets";
import type { NodeData } from "./derive";
import { close, open, ui } from "./ui";

interface Props {
  readonly data: NodeData;
  readonly run: NodeRun | undefined;
  readonly problem: string | undefined;
}

export const NodeTitle = memo(function NodeTitle({ data, run, problem }: Props) {
  const { node, def } = data;
  const title = node.title ?? def?.title ?? node.type;
  const naming = useStore(ui, (state) => state.naming === node.id);
  const collapsed = node.flags.collapsed ?? false;
  const tint = socketColor(node.outputs[0]?.type ?? "");
  return (
    <header className="node-title" title={def?.description || undefined}>
      <button
        type="button"
        className="node-fold nodrag"
        style={{ color: tint }}
        aria-expanded={!collapsed}
        aria-label={t(collapsed ? "canvas.expand" : "canvas.collapse")}
        onClick={() => change((at) => toggleFlag(at, [node.id], "collapsed"))}
      >
        <svg viewBox="0 0 10 10" aria-hidden="true">
          <path d={collapsed ? "M3 1.5 7 5 3 8.5z" : "M1.5 3 5 7 8.5 3z"} />
        </svg>
      </button>
      {naming ? (
        <TitleField title={title} onDone={(text) => rename(node.id, text, def?.title ?? node.type)} />
      ) : (
        <span className="node-name" onDoubleClick={() => open({ naming: node.id })}>
          {title}
        </span>
      )}
      <Badges data={data} />
      <RunMark run={run} problem={problem} />
    </header>
  );
});

function rename(id: string, text: string | undefined, usual: string): void {
  close("naming");
  if (text !== undefined) change((at) => setTitle(at, id, text === usual ? "" : text));
}

interface FieldProps {
  readonly title: string;
  /** Undefined: left with Escape. */
  readonly onDone: (text: string | undefined) => void;
}

export function TitleField({ title, onDone }: FieldProps) {
  const key = (event: KeyboardEvent<HTMLInputElement>) => {
    event.stopPropagation();
    if (event.key === "Enter") onDone(event.currentTarget.value);
    if (event.key === "Escape") onDone(undefined);
  };
  return (
    <input
      className="title-field nodrag nopan"
      aria-label={t("canvas.title")}
      defaultValue={title}
      autoFocus
      onFocus={(event) => event.currentTarget.select()}
      onKeyDown={key}
      onBlur={(event) => onDone(event.currentTarget.value)}
    />
  );
}

function Badges({ data: { node, def } }: { readonly data: NodeData }) {
  const mode = node.mode === MUTED ? "muted" : node.mode === BYPASSED ? "bypassed" : undefined;
  return (
    <>
      {!def && (
        <span className="badge danger" title={t("canvas.missing", { type: node.type })}>
          {t("canvas.unknown")}
        </span>
      )}
      {def?.deprecated && <span className="badge warn">{t("canvas.deprecated")}</span>}
      {def?.experimental && <span className="badge">{t("canvas.experimental")}</span>}
      {mode && <span className="badge">{t(`canvas.${mode}`)}</span>}
      {node.flags.pinned && (
        <span className="badge icon" role="img" aria-label={t("canvas.pinned")} title={t("canvas.pinned")}>
          <svg viewBox="0 0 12 12" aria-hidden="true">
            <path d="M4 1h4l-.5 3.5L9.5 7H6.5L6 11.5 5.5 7H2.5l2-2.5z" />
          </svg>
        </span>
      )}
    </>
  );
}

function RunMark({ run, problem }: { readonly run: NodeRun | undefined; readonly problem: string | undefined }) {
  const message = problem ?? (run?.state === "error" ? run.message : undefined);
  if (message !== undefined) {
    return (
      <span className="mark problem" role="img" aria-label={message} title={message}>
        !
      </span>
    );
  }
  if (run?.state !== "finished") return null;
  if (run.cached) {
    return (
      <span className="mark cached" title={t("canvas.cachedHint")}>
        {t("canvas.cached")}
      </span>
    );
  }
  return run.seconds === undefined ? null : <span className="mark">{seconds(run.seconds)}</span>;
}

export function seconds(value: number): string {
  if (value < 0.0095) return "<10 ms";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  return value < 60
    ? `${value.toFixed(1)} s`
    : `${Math.floor(value / 60)}:${String(Math.floor(value % 60)).padStart(2, "0")}`;
}
