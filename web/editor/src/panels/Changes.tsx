/** What changed between the graphs of two pictures, side by side. */

import { useEffect, useMemo, useState } from "react";
import { Dialog } from "../app/Dialog";
import { documentOf } from "../app/reading";
import { useStore } from "../app/store";
import { moment } from "../app/words";
import { t } from "../i18n";
import { isObject, object } from "../model/json";
import type { Document, JsonObject, NodeId } from "../model/types";
import { detailOf } from "../run/follow";
import { changes, type Change } from "./diff";
import { gallery, hide, type Picture } from "./pictures";
import { Nothing } from "./Panel";
import { Sketch } from "./Sketch";

export function Changes() {
  const pair = useStore(gallery, (state) => state.changes);
  if (!pair) return null;
  return (
    <Dialog wide title={t("panels.changes")} onClose={() => hide("changes")}>
      <Table pair={pair} />
    </Dialog>
  );
}

interface Made {
  /** What ran. */
  readonly graph: JsonObject;
  /** As it was drawn; absent if nothing can draw it. */
  readonly doc?: Document;
}

async function madeBy(picture: Picture): Promise<Made> {
  const { prompt, extra_data } = object(object(await detailOf(picture.job)).workflow);
  const graph = object(prompt);
  const { workflow } = object(object(extra_data).extra_pnginfo);
  const doc = await documentOf(isObject(workflow) ? workflow : graph).catch(() => undefined);
  return { graph, ...(doc ? { doc } : {}) };
}

function Table({ pair }: { pair: readonly [Picture, Picture] }) {
  const [made, setMade] = useState<readonly [Made, Made] | undefined>();
  const [old, now] = pair;
  useEffect(() => void Promise.all([madeBy(old), madeBy(now)]).then(setMade), [old, now]);
  const found = useMemo(() => made && changes(made[0].graph, made[1].graph), [made]);
  return (
    <>
      <div className="pair">
        {pair.map((picture, side) => (
          <figure key={picture.id}>
            <img src={picture.small} alt="" />
            <figcaption>
              {picture.name} <span className="dim">{moment(picture.at)}</span>
            </figcaption>
            {made?.[side]?.doc && found && (
              <div className={side ? "pair-graph after" : "pair-graph before"}>
                <Sketch doc={made[side].doc} marked={changed(found, side === 0)} />
              </div>
            )}
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

/** The nodes at the top in which something is another thing; one inside a subgraph counts as that. */
function changed(found: readonly Change[], before: boolean): ReadonlySet<NodeId> {
  const there = found.filter(({ kind }) => kind !== (before ? "added" : "removed"));
  return new Set(there.map(({ node, was }) => ((before && was) || node).split(":")[0]!));
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
