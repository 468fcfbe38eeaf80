/** The small buttons in the corner of the canvas. */

import { Panel, useStore as useFlow } from "@xyflow/react";
import { useStore } from "../app/store";
import { t, type Key } from "../i18n";
import { setSettings, settings } from "./ui";
import { useMapShown } from "./useMapShown";
import { fitView, zoomBy } from "./viewport";

export function CanvasTools() {
  const { snap, links } = useStore(settings, (state) => state);
  const minimap = useMapShown();
  const percent = useFlow((state) => Math.round(state.transform[2] * 100));
  return (
    <Panel position="bottom-left" className="tools" role="toolbar" aria-label={t("canvas.view")}>
      <Tool name="canvas.zoomOut" onClick={() => zoomBy(1 / 1.25)} icon="M3 8h10" />
      <button type="button" className="percent" title={t("canvas.actualSize")} onClick={() => zoomBy(100 / percent)}>
        {percent}%
      </button>
      <Tool name="canvas.zoomIn" onClick={() => zoomBy(1.25)} icon="M3 8h10M8 3v10" />
      <Tool name="canvas.fit" onClick={() => fitView()} icon="M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" />
      <i className="rule" />
      <Tool
        name="canvas.snap"
        on={snap}
        onClick={() => setSettings({ snap: !snap })}
        icon="M2 5.5h12M2 10.5h12M5.5 2v12M10.5 2v12"
      />
      <Tool
        name="canvas.showLinks"
        on={links}
        onClick={() => setSettings({ links: !links })}
        icon="M2 4c7 0 5 8 12 8M2 4h.01M14 12h.01"
      />
      <Tool
        name="canvas.minimap"
        on={minimap}
        onClick={() => setSettings({ minimap: !minimap })}
        icon="M2 3h12v10H2zM8 8h4v3H8z"
      />
    </Panel>
  );
}

interface ToolProps {
  readonly name: Key;
  readonly icon: string;
  readonly on?: boolean;
  readonly onClick: () => void;
}

function Tool({ name, icon, on, onClick }: ToolProps) {
  return (
    <button type="button" title={t(name)} aria-label={t(name)} aria-pressed={on} onClick={onClick}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={icon} />
      </svg>
    </button>
  );
}
