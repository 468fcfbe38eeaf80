/** What a node type is like, at a glance: beside the search's results. */

import { t } from "../i18n";
import type { NodeDef } from "../model/nodes";
import { socketColor, socketShape } from "../widgets/sockets";
import { wordFor } from "./rows";

interface Line {
  readonly name: string;
  readonly type: string;
  readonly widget?: string;
}

export function NodeCard({ def }: { readonly def: NodeDef }) {
  const inputs: readonly Line[] = def.inputs.filter((input) => !input.hidden && !input.advanced);
  const sockets = inputs.filter((input) => !input.widget);
  const widgets = inputs.filter((input) => input.widget);
  const origin = [def.english?.title, def.pack === "editor" ? "" : def.pack].filter(Boolean).join(" · ");
  return (
    <aside className="node-card" aria-hidden="true">
      <header>{def.title}</header>
      <div className="node-card-sockets">
        <ul>{sockets.map((line) => dot(def, line))}</ul>
        <ul className="right">{def.outputs.map((line, i) => dot(def, line, i))}</ul>
      </div>
      {widgets.length > 0 && (
        <p className="node-card-widgets">{widgets.map(({ name }) => wordFor(name, def)).join(" · ")}</p>
      )}
      <p>{def.description || t("canvas.noDescription")}</p>
      {origin && <small>{origin}</small>}
    </aside>
  );
}

function dot(def: NodeDef, { name, type }: Line, i?: number) {
  const look = { background: socketColor(type), clipPath: `var(--shape-${socketShape(type)})` };
  return (
    <li key={i ?? name}>
      <i style={look} />
      {wordFor(name || type, def)}
    </li>
  );
}
