/** Ready workflows, with a small drawing of each. */

import { useEffect, useState } from "react";
import { toggleLeft } from "../app/layout";
import { defsKnown, documentOf, openText } from "../app/reading";
import { t } from "../i18n";
import { object } from "../model/json";
import type { Document } from "../model/types";
import { parseJson as parse, printJson as print } from "../model/jsontext";
import { address, ask, getJson } from "../run/server";
import { Nothing, Panel } from "./Panel";
import { Sketch } from "./Sketch";

interface Template {
  readonly pack: string;
  readonly name: string;
}

export function Templates() {
  const [found, setFound] = useState<readonly Template[] | undefined>();
  useEffect(() => void load().then(setFound, () => setFound([])), []);
  return (
    <Panel title={t("app.templates")} side="left" onClose={() => toggleLeft("templates")}>
      {found?.length === 0 && <Nothing>{t("panels.noTemplates")}</Nothing>}
      <ul className="cards">
        {found?.map((one) => (
          <Card key={`${one.pack}/${one.name}`} template={one} />
        ))}
      </ul>
    </Panel>
  );
}

async function load(): Promise<Template[]> {
  const packs = object(await getJson("workflow_templates"));
  return Object.entries(packs).flatMap(([pack, names]) =>
    Array.isArray(names) ? names.map((name) => ({ pack, name: String(name) })) : [],
  );
}

function placeOf({ pack, name }: Template, ending: "json" | "webp"): string {
  return `workflow_templates/${encodeURIComponent(pack)}/${encodeURIComponent(name)}.${ending}`;
}

function Card({ template }: { template: Template }) {
  const [bare, setBare] = useState(false); // without a picture of what it makes
  const [doc, setDoc] = useState<Document | undefined>();
  useEffect(() => {
    let shown = true;
    void draw(template).then((read) => shown && setDoc(read));
    return () => void (shown = false);
  }, [template]);
  return (
    <li>
      <button type="button" className="card" onClick={() => void open(template)}>
        <span className="card-picture">
          {bare ? (
            doc && <Sketch doc={doc} />
          ) : (
            <img src={address(placeOf(template, "webp"))} alt="" onError={() => setBare(true)} />
          )}
        </span>
        <span className="card-name">{words(template.name)}</span>
        {doc && <span className="dim">{t("panels.nodes", { count: doc.root.nodes.size })}</span>}
      </button>
    </li>
  );
}

async function draw(template: Template): Promise<Document | undefined> {
  await defsKnown();
  const value = parse(await (await ask(placeOf(template, "json"))).text());
  return documentOf(value).catch(() => undefined);
}

async function open(template: Template): Promise<void> {
  await openText(print(await getJson(placeOf(template, "json"))), words(template.name));
}

function words(name: string): string {
  const plain = name.replace(/[_-]+/g, " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
