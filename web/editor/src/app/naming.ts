/** Node types in the language of the page. Only what is shown of them changes: no document knows it. */

import { categoryName, isNamed, nodeTitle } from "../i18n";
import type { Defs, NodeDef } from "../model/nodes";

/** What is called as it should be stays the same object, so that nothing is drawn anew for it. */
export function named(defs: Defs): Defs {
  const wanted = isNamed();
  if ([...defs.values()].every((def) => isRight(def, wanted))) return defs;
  return new Map(
    [...defs].map(([type, def]) => [type, isRight(def, wanted) ? def : wanted ? translated(def) : told(def)]),
  );
}

function isRight(def: NodeDef, wanted: boolean): boolean {
  return (def.english !== undefined) === wanted;
}

function translated(def: NodeDef): NodeDef {
  const { type, title, category } = def;
  return { ...def, title: nodeTitle(type, title), category: categoryName(category), english: { title, category } };
}

function told({ english, ...def }: NodeDef): NodeDef {
  return { ...def, ...english };
}
