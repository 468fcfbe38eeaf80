/** Copying and pasting through the system's clipboard, as text: between tabs, windows, and any other program. */

import { activeTab, change, edit, here, select } from "../app/editor";
import { copy, paste, pasteable } from "../edit/clipboard";
import { removeGroups } from "../edit/groups";
import { removeNodes } from "../edit/nodes";
import { sequence } from "../edit/place";
import { chosen, isOpen } from "./doing";
import { isTyping } from "./typing";
import { pointerOrMiddle, toFlow } from "./viewport";

/** What was copied last, for menus: pages may not read the clipboard unasked. */
let last = "";
let shift = false;

export function canPaste(): boolean {
  return pasteable(last) !== null;
}

export function copySelected(): boolean {
  const { nodes, groups } = chosen(activeTab().selection);
  if (!nodes.length && !groups.length) return false;
  last = copy(here(), { nodes, groups });
  return true;
}

export function cutSelected(): boolean {
  if (!copySelected()) return false;
  const { nodes, groups } = chosen(activeTab().selection);
  change((at) =>
    sequence(
      at,
      (place) => removeGroups(place, groups),
      (place) => removeNodes(place, nodes),
    ),
  );
  return true;
}

/** linked: what fed the copied nodes feeds the new ones too. */
export function pasteText(text: string, linked = false): boolean {
  const copied = pasteable(text);
  if (!copied) return false;
  const made = paste(here(), copied, toFlow(pointerOrMiddle()), linked);
  edit(() => made.doc);
  select([...made.nodes, ...made.groups.map((id) => `group:${id}`)]);
  return true;
}

export function pasteLast(linked = false): void {
  pasteText(last, linked);
}

/** For menus: the text also goes to the system, where that is allowed. */
export function offer(): void {
  void navigator.clipboard?.writeText(last).catch(() => undefined);
}

function onCopy(event: ClipboardEvent, take: () => boolean): void {
  if (!isOpen() || isTyping(event.target) || String(window.getSelection() ?? "")) return;
  if (!take()) return;
  event.clipboardData?.setData("text/plain", last);
  event.preventDefault();
}

function onPaste(event: ClipboardEvent): void {
  if (!isOpen() || isTyping(event.target)) return;
  if (!pasteText(event.clipboardData?.getData("text/plain") ?? "", shift)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** Ends with what it gives. */
export function listenToClipboard(): () => void {
  const listeners = [
    ["copy", (event: ClipboardEvent) => onCopy(event, copySelected)],
    ["cut", (event: ClipboardEvent) => onCopy(event, cutSelected)],
    ["paste", onPaste],
    ["keydown", (event: KeyboardEvent) => (shift = event.shiftKey)],
  ] as const;
  for (const [type, listener] of listeners) window.addEventListener(type, listener as EventListener, true);
  return () => {
    for (const [type, listener] of listeners) window.removeEventListener(type, listener as EventListener, true);
  };
}
