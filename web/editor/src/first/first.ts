/** What somebody finds who comes for the first time: a graph that works, and a short tour. */

import { editor, openDocument } from "../app/editor";
import { converted } from "../app/reading";
import { t } from "../i18n";
import { read } from "../model/read";
import type { Document, Node } from "../model/types";
import { CONTROL } from "../model/widgets";
import { ask } from "../run/server";
import { keep, kept } from "../run/session";
import { startTour } from "./tour";

const TEMPLATE = "workflow_templates/mezzotint/text_to_image.json";
const VISITED = "visited";
const SEEN = "tour";

/** Puts the first graph on the canvas; false for who was here before, or where the server has no such graph. */
export async function openFirst(): Promise<boolean> {
  if (kept(VISITED, false)) return false;
  try {
    const template = await (await ask(TEMPLATE)).text();
    const doc = read(await converted(template, "application/json"), editor.get().defs);
    openDocument(rolling(doc), t("widgets.first.name"));
  } catch {
    return false; // an empty canvas is a beginning too
  }
  keep(VISITED, true);
  if (!kept(SEEN, false)) startTour();
  return true;
}

export function tourSeen(): void {
  keep(SEEN, true);
}

/** Who presses Run again wants another picture, so the seeds are random, as those of new nodes are. */
export function rolling(doc: Document): Document {
  const nodes = new Map([...doc.root.nodes].map(([id, node]) => [id, rolled(node)]));
  return { ...doc, root: { ...doc.root, nodes } };
}

function rolled(node: Node): Node {
  return CONTROL in node.values ? { ...node, values: { ...node.values, [CONTROL]: "randomize" } } : node;
}
