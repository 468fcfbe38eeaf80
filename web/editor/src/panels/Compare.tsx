/** Two pictures, one over the other, with an edge between them that can be moved. */

import { useState } from "react";
import { Dialog } from "../app/Dialog";
import { useStore } from "../app/store";
import { moment } from "../app/words";
import { t } from "../i18n";
import { gallery, hide, show, type Picture } from "./pictures";

export function Compare() {
  const pair = useStore(gallery, (state) => state.compared);
  if (!pair) return null;
  return (
    <Dialog wide title={t("panels.compare")} onClose={() => hide("compared")}>
      <Slider pair={pair} />
    </Dialog>
  );
}

function Slider({ pair }: { pair: readonly [Picture, Picture] }) {
  const [at, setAt] = useState(50);
  const [old, now] = pair;
  return (
    <div className="compare">
      <div className="compare-stage" style={{ "--at": `${at}%` } as React.CSSProperties}>
        <img src={old.url} alt={old.name} draggable={false} />
        <img src={now.url} alt={now.name} draggable={false} className="compare-over" />
        <div className="compare-edge" />
        <input
          type="range"
          min={0}
          max={100}
          step={0.5}
          value={at}
          aria-label={t("panels.edge")}
          onChange={(event) => setAt(Number(event.target.value))}
        />
      </div>
      <div className="compare-names">
        <span>
          {old.name} <span className="dim">{moment(old.at)}</span>
        </span>
        <button type="button" className="button" onClick={() => show("changes", pair)}>
          {t("panels.changes")}
        </button>
        <span>
          {now.name} <span className="dim">{moment(now.at)}</span>
        </span>
      </div>
    </div>
  );
}
