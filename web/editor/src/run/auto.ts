/** Run on change: off unless somebody turns it on. */

import { editor, tabOf } from "../app/editor";
import { createStore } from "../app/store";
import { present } from "../model/history";
import { levels, type Document, type Graph } from "../model/types";
import { isRolled, queue } from "./run";
import { runs } from "./state";

const QUIET = 600; // milliseconds without a change

export const auto = createStore(false);

let timer = 0;
let seen: Document | undefined;
let tab = "";

/** Watches the shown document for as long as the page lives. */
export function watchChanges(): void {
  editor.subscribe(() => {
    const shown = tabOf(editor.get());
    const doc = shown && present(shown.history);
    const before = seen;
    const moved = shown?.id !== tab;
    [seen, tab] = [doc, shown?.id ?? ""];
    if (!auto.get() || moved || !doc || !before || isRolled(doc) || sameMeaning(before, doc)) return;
    schedule();
  });
}

/** What waits already stays the last word until it runs. */
function schedule(): void {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => {
    const waits = [...runs.get().jobs.values()].some((job) => job.phase === "pending" || job.phase === "running");
    if (waits) schedule();
    else if (auto.get()) void queue();
  }, QUIET);
}

/** Whether two documents make the same: places, sizes and colours do not count. Compares what they share by reference. */
export function sameMeaning(a: Document, b: Document): boolean {
  const [was, is] = [new Map(levels(a)), levels(b)];
  return was.size === is.length && is.every(([id, graph]) => sameGraph(was.get(id), graph));
}

function sameGraph(a: Graph | undefined, b: Graph): boolean {
  if (a === b) return true;
  if (!a || a.nodes.size !== b.nodes.size || a.links.size !== b.links.size) return false;
  const ends = (graph: Graph) =>
    [...graph.links.values()].map((link) => `${link.from}.${link.fromSlot}>${link.to}.${link.toSlot}`);
  if (a.links !== b.links && ends(a).sort().join() !== ends(b).sort().join()) return false;
  return [...b.nodes].every(([id, node]) => {
    const old = a.nodes.get(id);
    return old === node || (old && old.type === node.type && old.mode === node.mode && old.values === node.values);
  });
}
