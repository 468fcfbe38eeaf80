/** Short words to people: they go by themselves, errors later than others. */

import { createStore } from "./store";

export interface Toast {
  readonly id: number;
  readonly kind: "info" | "ok" | "error";
  readonly text: string;
  /** Something to do about it. */
  readonly action?: { readonly label: string; readonly run: () => void };
}

const SHOWN = { info: 5_000, ok: 4_000, error: 20_000 }; // milliseconds
const MOST = 4;

export const toasts = createStore<readonly Toast[]>([]);
let last = 0;

export function toast(kind: Toast["kind"], text: string, action?: Toast["action"]): void {
  const id = ++last;
  const next: Toast = { id, kind, text, ...(action ? { action } : {}) };
  toasts.set((all) => [...all.filter((one) => one.text !== text), next].slice(-MOST));
  window.setTimeout(() => dismiss(id), SHOWN[kind]);
}

/** What went wrong before is of no interest once something works. */
export function clearErrors(): void {
  toasts.set((all) => (all.some((one) => one.kind === "error") ? all.filter((one) => one.kind !== "error") : all));
}

export function dismiss(id: number): void {
  toasts.set((all) => all.filter((one) => one.id !== id));
}
