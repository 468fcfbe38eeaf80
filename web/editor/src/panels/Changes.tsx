/** What changed between the graphs of two pictures, side by side. */

import { useEffect, useState } from "react";
import { Dialog } from "../app/Dialog";
import { useStore } from "../app/store";
import { moment } from "../app/words";
import { t } from "../i18n";
import { object } from "../model/json";
import type { JsonObject } from "../model/types";
import { detailOf } from "../run/follow";
import { changes, type Change } from "./diff";
import { gallery, hide, type Picture } from "./pictures";
import { Nothing } from "./Panel";

export function Changes() {
  const pair = useStore(gallery, (state) => state.changes);
  if (!pair) return null;
  return (
    <Dialog wide title={t("panels.changes")} onClose={() => hide("changes")}>
      <Table pair={pair} />
    </Dialog>
  );
}

async function graphOf(picture: Picture): Promise<JsonObject> {
  return object(object((await detailOf(picture.job))?.workflow).prompt);
}

function Table({ pair }: { pair: readonly [Picture, Picture] }) {
  const [found, setFound] = useState<readonly Change[] | undefined>();
  const [old, now] = pair;
  useEffect(() => {
    void Promise.all([graphOf(old), graphOf(now)]).then(([a, b]) => setFound(changes(a, b)));
  }, [old, now]);
  return (
    <>
      <div className="pair">
        {[old, now].map((picture) => (
          <figure key={picture.id}>
            <img src={picture.small} alt="" />
            <figcaption>
              {picture.name} <span className="dim">{moment(picture.at)}</span>
            </figcaption>
          </figure>
        ))}
      </div>
      {found?.length === 0 && <Nothing>{t("panels.noChanges")}</Nothing>}
      {!!found?.length && (
        <table className="changes">
          <thead>
            <tr>
              <th scope="col">{t("panels.node")}</th>
              <th scope="col">{t("panels.input")}</th>
              <th scope="col">{t("panels.before")}</th>
              <th scope="col">{t("panels.after")}</th>
            </tr>
          </thead>
          <tbody>
            {found.map((change) => (
              <Row key={`${change.node} ${change.input ?? change.kind}`} change={change} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Row({ change }: { change: Change }) {
  const { node, title, kind, input, before, after } = change;
  return (
    <tr>
      <th scope="row">
        {title} <span className="dim">#{node}</span>
      </th>
      <td>{input ?? ""}</td>
      <td className="before">{cell(before, input, kind !== "added")}</td>
      <td className="after">{cell(after, input, kind !== "removed")}</td>
    </tr>
  );
}

/** A node as a whole is there or not; an input has a value or none. */
function cell(value: string | undefined, input: string | undefined, there: boolean): string {
  if (input !== undefined) return value ?? "–";
  return there ? t("panels.there") : "–";
}
