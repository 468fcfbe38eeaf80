/** What a node shows of its run: the picture so far, the pictures and texts that it made. */

import { memo, useState } from "react";
import { t } from "../i18n";
import { view } from "../panels/pictures";
import type { NodeRun } from "../run/types";
import { nameIn, picturesOf, textsOf } from "./shown";

export const NodeShown = memo(
  function NodeShown({ run }: { readonly run: NodeRun }) {
    const pictures = picturesOf(run.shown);
    const texts = textsOf(run.shown);
    if (run.preview !== undefined && run.state === "running") {
      return <img className="node-preview" src={run.preview} alt={t("canvas.preview")} draggable={false} />;
    }
    return (
      <>
        {pictures.length > 0 && <Pictures urls={pictures} />}
        {texts.map((text, i) => (
          <pre className="node-text nodrag nowheel" key={i}>
            {text}
          </pre>
        ))}
      </>
    );
  },
  (a, b) => a.run.preview === b.run.preview && a.run.shown === b.run.shown && a.run.state === b.run.state,
);

/** One is shown whole; of several, small ones of which one can be looked at. */
function Pictures({ urls }: { readonly urls: readonly string[] }) {
  const [chosen, choose] = useState<number>();
  const at = urls.length === 1 ? 0 : chosen;
  const url = at === undefined ? undefined : urls[at];
  if (url !== undefined) {
    return (
      <figure className="node-picture">
        <img
          src={url}
          alt={t("canvas.picture", { number: (at ?? 0) + 1 })}
          title={t("canvas.openPicture")}
          loading="lazy"
          draggable={false}
          onDoubleClick={(event) => (event.stopPropagation(), look(urls, at ?? 0))}
        />
        {urls.length > 1 && (
          <button type="button" className="nodrag" onClick={() => choose(undefined)}>
            {(at ?? 0) + 1} / {urls.length}
          </button>
        )}
      </figure>
    );
  }
  return (
    <div className="node-pictures nodrag" style={{ gridTemplateColumns: `repeat(${columns(urls.length)}, 1fr)` }}>
      {urls.map((small, i) => (
        <button type="button" key={small} onClick={() => choose(i)}>
          <img src={small} alt={t("canvas.picture", { number: i + 1 })} loading="lazy" draggable={false} />
        </button>
      ))}
    </div>
  );
}

function columns(count: number): number {
  return Math.min(4, Math.ceil(Math.sqrt(count)));
}

/** In the viewer, where it is as large as the window. */
function look(urls: readonly string[], at: number): void {
  const among = urls.map((url) => ({ id: url, job: "", name: nameIn(url), url, small: url, at: 0 }));
  view(among, at);
}
