/** Where we are inside of subgraphs, and the way back up. */

import { Panel } from "@xyflow/react";
import { change, leave, type Tab } from "../app/editor";
import { askText } from "../app/questions";
import { renameSubgraph } from "../edit/borders";
import { t } from "../i18n";
import { present } from "../model/history";
import { ROOT, type LevelId } from "../model/types";

export function Breadcrumb({ tab }: { readonly tab: Tab }) {
  if (!tab.trail.length) return null;
  const doc = present(tab.history);
  const name = (level: string) => (level === ROOT ? tab.name : (doc.definitions.get(level)?.name ?? level));
  return (
    <Panel position="top-left">
      <nav className="crumbs" aria-label={t("canvas.where")}>
        {tab.trail.map((level, depth) => (
          <span key={level}>
            <button type="button" onClick={() => leave(depth)}>
              {name(level)}
            </button>
            <i aria-hidden="true">›</i>
          </span>
        ))}
        <span
          aria-current="page"
          title={t("canvas.renameSubgraph")}
          onDoubleClick={() => void rename(tab.at, name(tab.at))}
        >
          {name(tab.at)}
        </span>
      </nav>
    </Panel>
  );
}

async function rename(id: LevelId, old: string): Promise<void> {
  const name = await askText(t("canvas.renameSubgraph"), old, t("canvas.rename"));
  if (name) change((at) => renameSubgraph(at, id, name));
}
