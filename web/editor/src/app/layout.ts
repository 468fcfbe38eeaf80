/** Which panels and dialogs are open. Panels stay as they were left; on a phone one at a time covers the canvas. */

import { keep, kept } from "../run/session";
import { createStore, type Store } from "./store";

export type LeftPanel = "library" | "templates" | "gallery";
export type RightPanel = "queue" | "problems";
export type Dialog = "help" | "settings";

export interface Layout {
  readonly left: LeftPanel | null;
  readonly right: RightPanel | null;
  readonly dialog: Dialog | null;
}

export const PHONE = "(max-width: 700px)";
const CLOSED: Layout = { left: null, right: null, dialog: null };
export const isPhone = () => typeof window !== "undefined" && window.matchMedia(PHONE).matches;

export const layout: Store<Layout> = createStore<Layout>(CLOSED);

export function restoreLayout(): void {
  if (isPhone()) return;
  const { left = null, right = null } = kept<Partial<Layout>>("layout", {});
  layout.set((state) => ({ ...state, left, right }));
}

function change(next: Partial<Layout>): void {
  layout.set((state) => ({ ...state, ...next }));
  const { left, right } = layout.get();
  keep("layout", { left, right });
}

export function toggleLeft(panel: LeftPanel): void {
  const left = layout.get().left === panel ? null : panel;
  change(isPhone() ? { left, right: null } : { left });
}

export function toggleRight(panel: RightPanel): void {
  const right = layout.get().right === panel ? null : panel;
  change(isPhone() ? { left: null, right } : { right });
}

export function showRight(panel: RightPanel): void {
  if (layout.get().right !== panel) toggleRight(panel);
}

/** So that the canvas can be seen, where a panel would cover it. */
export function makeRoom(): void {
  if (isPhone()) change({ left: null, right: null });
}

export function showDialog(dialog: Dialog | null): void {
  change({ dialog });
}
