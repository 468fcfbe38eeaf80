/** Short words to people: they go by themselves, errors only when they are closed. */

import { createStore } from "./store";

export interface Toast {
  readonly id: number;
  readonly kind: "info" | "ok" | "error";
  readonly text: string;
  /** Something to do about it. */
  readonly action?: { readonly label: string; readonly run: () => void };
}

const SHOWN = 5_000; // milliseconds
const MOST = 4;

export const toasts = createStore<readonly Toast[]>([]);
let last = 0;

export function toast(kind: Toast["kind"], text: string, action?: Toast["action"]): void {
  const id = ++last;
  const next: Toast = { id, kind, text, ...(action ? { action } : {}) };
  toasts.set((all) => [...all.filter((one) => one.text !== text), next].slice(-MOST));
  if (kind !== "error") window.setTimeout(() => dismiss(id), SHOWN);
}

export function dismiss(id: number): void {
  toasts.set((all) => all.filter((one) => one.id !== id));
}
