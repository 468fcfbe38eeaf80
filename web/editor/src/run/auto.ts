/** Run on change: off unless somebody turns it on. */

import { editor, tabOf } from "../app/editor";
import { createStore } from "../app/store";
import { present } from "../model/history";
import type { Document } from "../model/types";
import { sameMeaning } from "./meaning";
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
