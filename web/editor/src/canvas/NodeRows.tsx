/** The sockets and widgets of a node. */

import { memo } from "react";
import { change } from "../app/editor";
import { setValue } from "../edit/values";
import { t } from "../i18n";
import type { Json, NodeId } from "../model/types";
import { Widget } from "../widgets";
import type { Rows, SocketRow, WidgetRow } from "./rows";
import { SocketDot } from "./SocketDot";
import { toggleFold, type Socket } from "./ui";

/** Messages by input; what is about no input is not in it. */
export type Problems = ReadonlyMap<string, string>;

interface Props {
  readonly id: NodeId;
  readonly rows: Rows;
  readonly selected: boolean;
  readonly unfolded: boolean;
  readonly problems: Problems;
}

export const NodeRows = memo(function NodeRows({ id, rows, selected, unfolded, problems }: Props) {
  const count = Math.max(rows.inputs.length, rows.outputs.length);
  return (
    <>
      {count > 0 && (
        <div className="node-sockets">
          {Array.from({ length: count }, (_, i) => (
            <div className="node-row" key={i}>
              <Side id={id} row={rows.inputs[i]} side="input" selected={selected} problems={problems} />
              <Side id={id} row={rows.outputs[i]} side="output" selected={selected} problems={problems} />
            </div>
          ))}
        </div>
      )}
      {rows.widgets.map((row) => (
        <WidgetLine key={row.name} id={id} row={row} selected={selected} problem={problems.get(row.name)} />
      ))}
      {rows.foldable > 0 && (
        <button type="button" className="node-more nodrag" aria-expanded={unfolded} onClick={() => toggleFold(id)}>
          {t(unfolded ? "canvas.fewer" : "canvas.more", { count: rows.foldable })}
        </button>
      )}
    </>
  );
});

interface SideProps {
  readonly id: NodeId;
  readonly row: SocketRow | undefined;
  readonly side: Socket["side"];
  readonly selected: boolean;
  readonly problems: Problems;
}

function Side({ id, row, side, selected, problems }: SideProps) {
  if (!row) return <span className={`node-side ${side}`} />;
  const problem = side === "input" ? problems.get(row.name) : undefined;
  const socket: Socket = { node: id, slot: row.slot, side, type: row.type };
  return (
    <span className={`node-side ${side}`} title={problem ?? row.tooltip} data-problem={problem && ""}>
      <SocketDot
        socket={socket}
        label={row.label}
        linked={row.linked}
        optional={row.optional}
        reachable={selected}
        problem={problem}
      />
      <span className="node-label">{row.label}</span>
    </span>
  );
}

interface LineProps {
  readonly id: NodeId;
  readonly row: WidgetRow;
  readonly selected: boolean;
  readonly problem: string | undefined;
}

/** A value that comes through a link is not asked for: the widget stays, greyed, and says so. */
const WidgetLine = memo(
  function WidgetLine({ id, row, selected, problem }: LineProps) {
    const { socket } = row;
    const linked = socket?.linked ?? false;
    const onChange = (value: Json, gesture?: string) => change((at) => setValue(at, id, row.name, value), gesture);
    const kind = row.role === "value" ? row.input.widget : row.role;
    return (
      <div
        className="node-widget"
        data-widget={row.name}
        data-kind={kind}
        data-linked={linked || undefined}
        data-problem={problem && ""}
      >
        {socket && (
          <SocketDot
            socket={{ node: id, slot: socket.slot, side: "input", type: socket.type }}
            label={row.label}
            linked={linked}
            optional
            reachable={selected}
            problem={problem}
          />
        )}
        <div className="node-field nodrag nopan" title={linked ? t("canvas.linked") : undefined}>
          <Widget
            def={row.input}
            name={row.name}
            role={row.role}
            label={row.label}
            value={row.value}
            onChange={onChange}
            disabled={linked}
            nodeId={id}
            {...(problem === undefined ? {} : { problem })}
          />
        </div>
      </div>
    );
  },
  (a, b) => a.id === b.id && a.selected === b.selected && a.problem === b.problem && sameWidget(a.row, b.row),
);

function sameWidget(a: WidgetRow, b: WidgetRow): boolean {
  return (
    a.name === b.name &&
    a.label === b.label &&
    a.role === b.role &&
    a.input === b.input &&
    a.value === b.value &&
    a.socket?.slot === b.socket?.slot &&
    a.socket?.linked === b.socket?.linked &&
    a.socket?.type === b.socket?.type
  );
}
