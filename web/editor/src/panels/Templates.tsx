/** Ready workflows, with a small drawing of each. */

import { useEffect, useState } from "react";
import { editor } from "../app/editor";
import { toggleLeft } from "../app/layout";
import { defsKnown, documentOf, openText } from "../app/reading";
import { t } from "../i18n";
import { object } from "../model/json";
import type { Document } from "../model/types";
import { parseJson as parse, printJson as print } from "../model/jsontext";
import { address, ask, getJson } from "../run/server";
import { missingOf } from "./missing";
import { Nothing, Panel, Search } from "./Panel";
import { Sketch } from "./Sketch";

interface Template {
  readonly pack: string;
  readonly name: string;
  readonly doc: Document | undefined; // where it can be read
  readonly lacking: number; // of node types and files
}

export function Templates() {
  const [all, setAll] = useState<readonly Template[] | undefined>();
  const [wanted, setWanted] = useState("");
  useEffect(() => void load().then(setAll, () => setAll([])), []);
  const found = all?.filter(({ name }) => words(name).toLowerCase().includes(wanted.trim().toLowerCase()));
  return (
    <Panel title={t("app.templates")} side="left" onClose={() => toggleLeft("templates")}>
      <Search value={wanted} label={t("panels.searchTemplates")} onChange={setWanted} />
      {found?.length === 0 && <Nothing>{t(wanted ? "panels.noMatch" : "panels.noTemplates")}</Nothing>}
      <ul className="cards">
        {found?.map((one) => (
          <Card key={`${one.pack}/${one.name}`} template={one} />
        ))}
      </ul>
    </Panel>
  );
}

/** What people begin with. */
const FIRST = ["text_to_image", "image_to_image", "inpaint", "outpaint", "two_pass_upscale"];

/** All of them: those to begin with, then those that can run here, then the rest. */
async function load(): Promise<Template[]> {
  const packs = object(await getJson("workflow_templates"));
  const places = Object.entries(packs).flatMap(([pack, names]) =>
    Array.isArray(names) ? names.map((name) => ({ pack, name: String(name) })) : [],
  );
  await defsKnown();
  const all = await Promise.all(places.map(read));
  const rank = ({ name, lacking }: Template) =>
    FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length + (lacking ? 1 : 0);
  return all.sort((a, b) => rank(a) - rank(b));
}

async function read(place: Place): Promise<Template> {
  const text = ask(placeOf(place, "json")).then((answer) => answer.text());
  const doc = await text.then((json) => documentOf(parse(json))).catch(() => undefined);
  const { types, choices } = doc ? missingOf(doc, editor.get().defs) : { types: [], choices: [] };
  return { ...place, doc, lacking: types.length + choices.length };
}

type Place = Pick<Template, "pack" | "name">;

function placeOf({ pack, name }: Place, ending: "json" | "webp"): string {
  return `workflow_templates/${encodeURIComponent(pack)}/${encodeURIComponent(name)}.${ending}`;
}

function Card({ template }: { template: Template }) {
  const [bare, setBare] = useState(false); // without a picture of what it makes
  const { doc } = template;
  return (
    <li>
      <button type="button" className="card" onClick={() => void open(template)}>
        <span className="card-picture">
          {bare ? (
            doc && <Sketch doc={doc} />
          ) : (
            <img src={address(placeOf(template, "webp"))} alt="" loading="lazy" onError={() => setBare(true)} />
          )}
        </span>
        <span className="card-name">{words(template.name)}</span>
        {doc && <span className="dim">{facts(doc, template.lacking)}</span>}
      </button>
    </li>
  );
}

/** How large it is, and whether it can run here. */
function facts(doc: Document, lacking: number): string {
  const size = t("panels.nodes", { count: doc.root.nodes.size });
  return lacking ? `${size} · ${t(lacking === 1 ? "panels.lacksOne" : "panels.lacks", { count: lacking })}` : size;
}

async function open(template: Template): Promise<void> {
  await openText(print(await getJson(placeOf(template, "json"))), words(template.name));
}

function words(name: string): string {
  const plain = name.replace(/[_-]+/g, " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
