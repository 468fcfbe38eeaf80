/** What stands on the canvas besides nodes: reroutes, bends of links, groups, and the border of a subgraph. */

import type { Node as FlowNode, NodeProps } from "@xyflow/react";
import { memo } from "react";
import { change } from "../app/editor";
import { useStore } from "../app/store";
import { setGroup } from "../edit/groups";
import { t } from "../i18n";
import { INPUTS, OUTPUTS } from "../model/types";
import { socketColor } from "../widgets/sockets";
import type { BendData, BorderData, GroupData, RerouteData } from "./derive";
import { renameSlot } from "./borderMenu";
import { isMarked } from "./marks";
import { TitleField } from "./NodeTitle";
import { ResizeCorner } from "./ResizeCorner";
import { SocketDot } from "./SocketDot";
import { close, open, ui } from "./ui";

type Props<D extends Record<string, unknown>, T extends string> = NodeProps<FlowNode<D, T>>;

export const RerouteView = memo(
  function RerouteView({ data: { node, type, marks }, selected }: Props<RerouteData, "reroute">) {
    const label = node.title ?? node.outputs[0]?.label ?? "";
    const dot = { node: node.id, slot: 0, type };
    return (
      <div className="reroute nokey" style={{ "--socket": socketColor(type) } as object} title={type}>
        <SocketDot
          socket={{ ...dot, side: "input" }}
          label={type}
          linked={isMarked(marks.inputs, 0)}
          reachable={selected}
        />
        <span>{label || (type === "*" ? t("canvas.reroute") : type.toLowerCase())}</span>
        <SocketDot
          socket={{ ...dot, side: "output" }}
          label={type}
          linked={isMarked(marks.outputs, 0)}
          reachable={selected}
        />
      </div>
    );
  },
  (a, b) => a.data === b.data && a.selected === b.selected,
);

export const BendView = memo(function BendView({ data }: Props<BendData, "bend">) {
  return (
    <div className="bend nokey" style={{ "--socket": socketColor(data.type) } as object} title={t("canvas.bend")} />
  );
});

export const GroupView = memo(function GroupView({ data: { group }, selected }: Props<GroupData, "group">) {
  const id = `group:${group.id}`;
  const naming = useStore(ui, (state) => state.naming === id);
  const done = (title: string | undefined) => {
    close("naming");
    if (title !== undefined) change((at) => setGroup(at, group.id, { title }));
  };
  return (
    <section
      className="group"
      data-selected={selected || undefined}
      style={group.color ? ({ "--group": group.color } as object) : undefined}
      aria-label={t("canvas.group", { name: group.title })}
    >
      <header className="group-title nokey" onDoubleClick={() => open({ naming: id })}>
        {naming ? <TitleField title={group.title} onDone={done} /> : group.title}
      </header>
      {!group.pinned && <ResizeCorner id={id} />}
    </section>
  );
});

/** Seen from inside, the inputs of a subgraph give and its outputs take. */
export const BorderView = memo(function BorderView({ data, selected }: Props<BorderData, "border">) {
  const isIn = data.side === "in";
  const [node, side] = isIn ? ([INPUTS, "output"] as const) : ([OUTPUTS, "input"] as const);
  const marks = isIn ? data.marks.outputs : data.marks.inputs;
  return (
    <div className="border nokey" data-side={data.side}>
      <header>{t(isIn ? "canvas.inputs" : "canvas.outputs")}</header>
      {data.slots.map((slot, i) => (
        <div
          className={`node-side ${side}`}
          key={slot.id}
          data-border-slot={i}
          onDoubleClick={() => void renameSlot(isIn ? "inputs" : "outputs", i)}
        >
          <SocketDot
            socket={{ node, slot: i, side, type: slot.type }}
            label={slot.label ?? slot.name}
            linked={isMarked(marks, i)}
            reachable={selected}
          />
          <span className="node-label">{slot.label ?? slot.name}</span>
        </div>
      ))}
      <div className={`node-side new ${side}`} title={t("canvas.noSlots")}>
        <SocketDot
          socket={{ node, slot: data.slots.length, side, type: "*" }}
          label={t("canvas.newSlot")}
          linked={false}
          optional
          reachable={selected}
        />
        <span className="node-label">{t("canvas.newSlot")}</span>
      </div>
    </div>
  );
});
