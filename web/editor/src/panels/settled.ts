/** The shown document, a moment after its last change: what looks at all its nodes need not do so at every step. */

import { editor, tabOf } from "../app/editor";
import { createStore, type Store } from "../app/store";
import { present } from "../model/history";
import type { Document } from "../model/types";

const QUIET = 250; // milliseconds

export const settled: Store<Document | undefined> = createStore<Document | undefined>(undefined);

let timer = 0;
let tab = "";

editor.subscribe(() => {
  const { active } = editor.get();
  window.clearTimeout(timer);
  if (active === tab) timer = window.setTimeout(take, QUIET);
  else take();
  tab = active;
});

function take(): void {
  const shown = tabOf(editor.get());
  settled.set(() => shown && present(shown.history));
}
