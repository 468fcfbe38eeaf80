/** What somebody finds who comes for the first time: a graph that works, and a short tour. */

import { editor, openDocument } from "../app/editor";
import { converted } from "../app/reading";
import { t, type Key } from "../i18n";
import { read } from "../model/read";
import type { Document, Node, Rect } from "../model/types";
import { CONTROL } from "../model/widgets";
import { ask } from "../run/server";
import { keep, kept } from "../run/session";
import { startTour } from "./tour";

const TEMPLATE = "workflow_templates/mezzotint/text_to_image.json";
const VISITED = "visited";
const SEEN = "tour";
const ROOMY = 1000; // pixels

/** Puts the first graph on the canvas; false for who was here before, or where the server has no such graph. */
export async function openFirst(): Promise<boolean> {
  if (kept(VISITED, false)) return false;
  try {
    const template = await (await ask(TEMPLATE)).text();
    const doc = read(await converted(template, "application/json"), editor.get().defs);
    openDocument(prepared(doc, window.innerWidth < ROOMY), t("widgets.first.name"));
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

/**
 * Who presses Run again wants another picture, so the seeds are random, as those of new nodes are. And the graph is
 * placed so that all of it can be read at once.
 */
export function prepared(doc: Document, narrow: boolean): Document {
  const left = new Map((narrow ? NARROW : WIDE).map(([type, places]) => [type, [...places]]));
  const prepare = (node: Node) => rolled(placed(node, left.get(node.type)?.shift()));
  const nodes = new Map([...doc.root.nodes].map(([id, node]) => [id, prepare(node)]));
  return { ...doc, root: { ...doc.root, nodes } };
}

interface Place {
  readonly at: Rect;
  readonly title?: Key;
}

type Places = readonly (readonly [type: string, places: readonly Place[]])[];

/** Four columns: model, prompts, sampler, picture. */
const WIDE: Places = [
  ["CheckpointLoaderSimple", [{ at: [0, 0, 290, 120] }]],
  ["EmptyLatentImage", [{ at: [0, 190, 290, 130] }]],
  ["CLIPTextEncode", prompts([330, 0, 340, 130], [330, 190, 340, 130])],
  ["KSampler", [{ at: [710, 0, 290, 320] }]],
  ["VAEDecode", [{ at: [1040, 0, 290, 50] }]],
  ["SaveImage", [{ at: [1040, 110, 290, 60] }]],
];

/** Two columns, for narrow windows. */
const NARROW: Places = [
  ["CheckpointLoaderSimple", [{ at: [0, 0, 320, 100] }]],
  ["CLIPTextEncode", prompts([0, 160, 320, 110], [0, 330, 320, 110])],
  ["EmptyLatentImage", [{ at: [0, 500, 320, 110] }]],
  ["KSampler", [{ at: [360, 0, 290, 260] }]],
  ["VAEDecode", [{ at: [360, 320, 290, 50] }]],
  ["SaveImage", [{ at: [360, 430, 290, 180] }]],
];

function prompts(positive: Rect, negative: Rect): Place[] {
  return [
    { at: positive, title: "widgets.first.prompt" },
    { at: negative, title: "widgets.first.negative" },
  ];
}

function placed(node: Node, place: Place | undefined): Node {
  if (!place) return node;
  const [x, y, width, height] = place.at;
  const title = place.title ? { title: t(place.title) } : {};
  return { ...node, ...title, pos: [x, y], size: [width, height] };
}

function rolled(node: Node): Node {
  return CONTROL in node.values ? { ...node, values: { ...node.values, [CONTROL]: "randomize" } } : node;
}
