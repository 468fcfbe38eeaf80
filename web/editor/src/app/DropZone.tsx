/** Files may be dropped anywhere, and pasted: a workflow or a picture that carries one opens. */

import { useEffect, useState } from "react";
import { t } from "../i18n";
import { asGraph, openAll, openText } from "./reading";

export function DropZone() {
  const [over, setOver] = useState(false);
  useEffect(() => listen(setOver), []);
  return over ? (
    <div className="drop">
      <p>{t("app.drop")}</p>
    </div>
  ) : null;
}

function hasFiles(event: DragEvent): boolean {
  return !!event.dataTransfer?.types.includes("Files");
}

/** A widget that takes pictures itself has taken the event before it comes here. */
function listen(setOver: (over: boolean) => void): () => void {
  const drag = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    setOver(event.type === "dragover" && !event.defaultPrevented);
    event.preventDefault();
  };
  const drop = (event: DragEvent) => {
    setOver(false);
    if (!hasFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    void openAll([...(event.dataTransfer?.files ?? [])]);
  };
  const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
  const listeners = [
    ["dragover", drag],
    ["dragleave", leave],
    ["drop", drop],
    ["paste", paste],
  ] as const;
  for (const [type, listener] of listeners) window.addEventListener(type, listener as EventListener);
  return () => {
    for (const [type, listener] of listeners) window.removeEventListener(type, listener as EventListener);
  };
}

function paste(event: ClipboardEvent): void {
  const target = event.target as HTMLElement | null;
  if (event.defaultPrevented || target?.closest?.("input, textarea, [contenteditable=true]")) return;
  const files = [...(event.clipboardData?.files ?? [])];
  const words = event.clipboardData?.getData("text/plain") ?? "";
  if (files.length) void openAll(files);
  else if (asGraph(words)) void openText(words, t("app.pasted"));
  else return;
  event.preventDefault();
}
