/** All that was made, as small pictures. Two that are marked can be compared. */

import { useEffect } from "react";
import { toggleLeft } from "../app/layout";
import { useStore } from "../app/store";
import { moment } from "../app/words";
import { t } from "../i18n";
import { whenEnded } from "../run/follow";
import { Icon } from "../app/icons";
import { IconButton } from "../app/IconButton";
import { gallery, loadGallery, mark, markedPictures, show, view, type Picture } from "./pictures";
import { Nothing, Panel } from "./Panel";

whenEnded((job) => {
  if (job.phase === "success" && gallery.get().state === "known") void loadGallery();
});

export function Gallery() {
  const { pictures, more, state, marked } = useStore(gallery, (all) => all);
  useEffect(() => void loadGallery(), []);
  const reload = <IconButton icon="refresh" label={t("panels.reload")} onClick={() => void loadGallery()} />;
  return (
    <Panel title={t("app.gallery")} side="left" tools={reload} onClose={() => toggleLeft("gallery")}>
      <Marked />
      {state === "failed" && <Nothing>{t("app.unreachable")}</Nothing>}
      {state === "known" && !pictures.length && <Nothing>{t("panels.noPictures")}</Nothing>}
      <ul className="thumbs">
        {pictures.map((picture, i) => (
          <Thumb key={picture.id} picture={picture} place={marked.indexOf(picture.id)} open={() => view(pictures, i)} />
        ))}
      </ul>
      {more && (
        <button type="button" className="button wide" onClick={() => void loadGallery(true)}>
          {t("panels.more")}
        </button>
      )}
    </Panel>
  );
}

function Thumb({ picture, place, open }: { picture: Picture; place: number; open: () => void }) {
  return (
    <li className={place >= 0 ? "thumb thumb-marked" : "thumb"}>
      <button type="button" className="thumb-open" title={`${picture.name} · ${moment(picture.at)}`} onClick={open}>
        <img src={picture.small} alt={picture.name} loading="lazy" />
      </button>
      <button
        type="button"
        role="checkbox"
        className="thumb-mark"
        aria-checked={place >= 0}
        aria-label={t("panels.mark", { name: picture.name })}
        title={t("panels.mark", { name: picture.name })}
        onClick={() => mark(picture.id)}
      >
        {place >= 0 && <Icon name="check" size={14} />}
      </button>
    </li>
  );
}

function Marked() {
  const state = useStore(gallery, (all) => all);
  const [a, b] = markedPictures(state);
  if (!a) return <p className="hint">{t("panels.markHint")}</p>;
  return (
    <div className="marked">
      <button type="button" className="button" disabled={!b} onClick={() => b && show("compared", [a, b])}>
        <Icon name="compare" size={15} />
        {t("panels.compare")}
      </button>
      <button type="button" className="button" disabled={!b} onClick={() => b && show("changes", [a, b])}>
        <Icon name="changes" size={15} />
        {t("panels.changes")}
      </button>
    </div>
  );
}
