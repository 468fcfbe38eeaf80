/** A node: title, sockets, widgets, and what it shows of its run. */

import type { Node as FlowNode, NodeProps } from "@xyflow/react";
import { useStoreApi, useUpdateNodeInternals } from "@xyflow/react";
import { memo, useCallback, useEffect, useMemo, useRef, type CSSProperties } from "react";
import { enter } from "../app/editor";
import { useStore } from "../app/store";
import { t } from "../i18n";
import { MARKDOWN, NOTE } from "../model/nodes";
import { BYPASSED, MUTED } from "../model/types";
import { run } from "../run/run";
import type { NodeData } from "./derive";
import { NodeRows, type Problems } from "./NodeRows";
import { NodeShown } from "./NodeShown";
import { NodeTitle } from "./NodeTitle";
import { NoteBody } from "./NoteBody";
import { problemsOf } from "./problems";
import { ResizeCorner } from "./ResizeCorner";
import { rowsOf } from "./rows";
import { SocketDot } from "./SocketDot";
import { ui } from "./ui";

type Props = NodeProps<FlowNode<NodeData, "node">>;

export const NodeView = memo(
  function NodeView({ data, selected }: Props) {
    const far = useStore(ui, (state) => state.far ?? false);
    return far ? <Shell data={data} /> : <Whole data={data} selected={selected} />;
  },
  (a, b) => a.data === b.data && a.selected === b.selected,
);

/** Of many nodes, from far away: only that it is there. Links still know where its sockets were. */
function Shell({ data }: { readonly data: NodeData }) {
  const flow = useStoreApi();
  const size = flow.getState().nodeLookup.get(data.node.id)?.measured;
  const state = useStore(
    run,
    useCallback((all) => all.nodes.get(data.runId)?.state, [data.runId]),
  );
  return (
    <div className="node nokey" style={{ ...looks(data), ...size }} {...marksOf(data, state, undefined)}>
      <NodeTitle data={data} run={undefined} problem={undefined} />
    </div>
  );
}

function Whole({ data, selected }: { readonly data: NodeData; readonly selected: boolean }) {
  const { node, def, runId, marks } = data;
  const unfolded = useStore(
    ui,
    useCallback((state) => state.unfolded.has(node.id), [node.id]),
  );
  const nodeRun = useStore(
    run,
    useCallback((state) => state.nodes.get(runId), [runId]),
  );
  const problems = useStore(
    run,
    useCallback((state) => problemsOf(state.problems, runId), [runId]),
  );
  const whole = data.isHost ? "always" : unfolded;
  const rows = useMemo(() => rowsOf(node, def, marks, whole), [node, def, marks, whole]);
  useMeasured(node.id, `${rows.inputs.length},${rows.outputs.length},${rows.widgets.length},${node.flags.collapsed}`);
  const common = { id: node.id, selected, problems: problems.byInput };
  const isNote = node.type === NOTE || node.type === MARKDOWN;
  return (
    <div
      className="node nokey"
      style={looks(data)}
      {...marksOf(data, nodeRun?.state, problems.severity)}
      {...{ "data-widgets": rows.widgets.length ? "" : undefined }}
    >
      <NodeTitle data={data} run={nodeRun} problem={problems.whole} />
      {nodeRun?.state === "running" && <Progress value={nodeRun.value} max={nodeRun.max} />}
      {node.flags.collapsed ? (
        <Folded data={data} problems={problems.byInput} />
      ) : (
        <div className="node-body">
          {isNote ? <NoteBody node={node} /> : <NodeRows {...common} rows={rows} unfolded={unfolded} />}
          {data.isHost && (
            <button type="button" className="node-enter nodrag" onClick={() => enter(node.id)}>
              {t("canvas.enter")}
            </button>
          )}
          {nodeRun && <NodeShown run={nodeRun} />}
        </div>
      )}
      {!node.flags.collapsed && !node.flags.pinned && <ResizeCorner id={node.id} />}
    </div>
  );
}

/** What the style sheet asks about: mode, run, problems. */
function marksOf({ node, def }: NodeData, state: string | undefined, severity: string | undefined) {
  return {
    "data-mode": node.mode === MUTED ? "muted" : node.mode === BYPASSED ? "bypassed" : undefined,
    "data-run": state,
    "data-severity": severity,
    "data-missing": def ? undefined : "",
    "data-kind": node.type === NOTE || node.type === MARKDOWN ? "note" : undefined,
    "data-sized": node.size && !node.flags.collapsed ? "" : undefined,
    "data-collapsed": node.flags.collapsed ? "" : undefined,
    "data-colored": node.color || node.bgcolor ? "" : undefined,
  };
}

function looks({ node }: NodeData): CSSProperties {
  const [width, height] = node.size ?? [];
  const size = node.flags.collapsed || width === undefined ? {} : { width, minHeight: (height ?? 0) + 30 };
  const colors = {
    ...(node.color ? { "--node-title": node.color } : {}),
    ...(node.bgcolor ? { "--node-body": node.bgcolor } : node.color ? { "--node-body": node.color } : {}),
  };
  return { ...size, ...colors } as CSSProperties;
}

/**
 * Sockets may come and go without a change of size: then React Flow has to be told to measure them. What they are at
 * first it measures by itself.
 */
function useMeasured(id: string, signature: string): void {
  const update = useUpdateNodeInternals();
  const measured = useRef(signature);
  useEffect(() => {
    if (measured.current !== signature) update(id);
    measured.current = signature;
  }, [id, signature, update]);
}

function Progress({ value, max }: { readonly value: number; readonly max: number }) {
  const share = max > 0 ? Math.min(1, value / max) : 0;
  return (
    <div className="node-progress" role="progressbar" aria-valuemin={0} aria-valuemax={max} aria-valuenow={value}>
      <i style={{ transform: `scaleX(${share})` }} />
    </div>
  );
}

/** All sockets of a collapsed node are at the ends of its title. */
function Folded({ data, problems }: { readonly data: NodeData; readonly problems: Problems }) {
  const { node } = data;
  const linked = (marks: string, slot: number) => marks.includes(`,${slot},`);
  return (
    <div className="node-folded">
      {node.inputs.map((slot, i) => (
        <SocketDot
          key={`in${i}`}
          socket={{ node: node.id, slot: i, side: "input", type: slot.type }}
          label={slot.name}
          linked={linked(data.marks.inputs, i)}
          reachable={false}
          problem={problems.get(slot.name)}
        />
      ))}
      {node.outputs.map((slot, i) => (
        <SocketDot
          key={`out${i}`}
          socket={{ node: node.id, slot: i, side: "output", type: slot.type }}
          label={slot.name}
          linked={linked(data.marks.outputs, i)}
          reachable={false}
        />
      ))}
    </div>
  );
}
