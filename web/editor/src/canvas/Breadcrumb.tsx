/** Where we are inside of subgraphs, and the way back up. */

import { Panel } from "@xyflow/react";
import { leave, type Tab } from "../app/editor";
import { t } from "../i18n";
import { present } from "../model/history";
import { ROOT } from "../model/types";

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
        <span aria-current="page">{name(tab.at)}</span>
      </nav>
    </Panel>
  );
}
