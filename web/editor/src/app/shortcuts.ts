/** Keys of the app. Those of the canvas are the canvas' own. */

import { ACTIONS } from "./actions";

export const isMac = typeof navigator !== "undefined" && /Mac|iP(hone|ad)/.test(navigator.platform);

/** `Mod+Shift+S` as people read it on their machine. */
export function shownKeys(keys: string): string {
  return keys.replace("Mod", isMac ? "⌘" : "Ctrl").replace("Alt", isMac ? "⌥" : "Alt");
}

export function pressed(event: KeyboardEvent): string {
  const mod = isMac ? event.metaKey : event.ctrlKey;
  const shift = event.shiftKey && event.key.length > 1;
  const letter = event.shiftKey && /^[a-z]$/i.test(event.key);
  const key = event.altKey && /^(Key|Digit)/.test(event.code) ? event.code.replace(/^(Key|Digit)/, "") : event.key;
  return [mod && "Mod", event.altKey && "Alt", (shift || letter) && "Shift", key.length === 1 ? key.toUpperCase() : key]
    .filter(Boolean)
    .join("+");
}

/** A key alone is for who types, not for us. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  return !!target?.closest("input, textarea, select, [contenteditable=true]");
}

export function listen(): void {
  window.addEventListener(
    "keydown",
    (event) => {
      const keys = pressed(event);
      const found = ACTIONS.find((one) => one.keys === keys);
      if (!found || (isTyping(event) && !/Mod|Alt/.test(keys))) return;
      if (window.document.querySelector("dialog[open]") && found.id !== "run") return;
      event.preventDefault();
      event.stopPropagation();
      found.run();
    },
    true,
  );
}
