/** Keys of the canvas: the commands of the graph and those of the canvas, wherever nobody is writing. */

import { pressed } from "../app/shortcuts";
import { GRAPH_COMMANDS } from "../commands/graph";
import { listenToClipboard } from "./clipboard";
import { CANVAS_COMMANDS, nudge } from "./commands";
import { hereNow, isOpen, perform } from "./doing";
import { isTyping } from "./typing";
import { ui } from "./ui";
import { container } from "./viewport";

/** Ends with what it gives. */
export function listenToKeys(): () => void {
  window.addEventListener("keydown", onKey);
  const endClipboard = listenToClipboard();
  return () => {
    window.removeEventListener("keydown", onKey);
    endClipboard();
  };
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || !isOpen() || !isOurs(event)) return;
  const keys = pressed(event).replace(/^ $/, "Space");
  if (run(keys, event)) event.preventDefault();
}

/** Over the canvas nothing is open, and the focus is in it, nowhere, or on what was pressed beside it. */
function isOurs(event: KeyboardEvent): boolean {
  const { palette, menu, partners, naming } = ui.get();
  if (palette || menu || partners || naming || isTyping(event.target)) return false;
  if (document.querySelector("dialog[open], [role=dialog], [role=menu]")) return false;
  const focus = document.activeElement;
  if (!focus || focus === document.body || container()?.contains(focus)) return true;
  return focus.closest(".topbar, .rail, .panel") !== null; // a panel keeps its keys, but for those with Ctrl
}

function run(keys: string, event: KeyboardEvent): boolean {
  const steps = /^(Shift\+)?(Arrow\w+)$/.exec(keys);
  if (steps) return nudge(steps[2]!, steps[1] !== undefined);
  if (keys === "Tab" || keys === "Shift+Tab" || keys === "Space") {
    if (walksByKeys(event)) return false;
  }
  const own = CANVAS_COMMANDS.find((command) => command.keys.includes(keys));
  if (own) {
    own.run();
    return true;
  }
  const command = GRAPH_COMMANDS.find((one) => one.keys?.includes(keys));
  if (!command || !command.when(hereNow())) return false;
  perform(command);
  return true;
}

/** For who goes from thing to thing by Tab, Tab stays that, and Space presses what has the focus. */
function walksByKeys(event: KeyboardEvent): boolean {
  const focus = document.activeElement;
  if (focus?.matches("button, [role=button]")) return true;
  if (!focus || focus === document.body) return event.key === "Tab" && !container()?.matches(":hover");
  return event.key === "Tab" && focus.matches(":focus-visible") === true;
}
