/** Whether the map is there: as it was chosen, else where it helps. */

import { useSyncExternalStore } from "react";
import { editor, tabOf, type EditorState } from "../app/editor";
import { useStore } from "../app/store";
import { present } from "../model/history";
import { level } from "../model/types";
import { settings } from "./ui";

/** A small graph can be seen anyway, and in a small window the map would cover it. */
const LARGE = 40;
const ROOMY = "(min-width: 1000px)";

export function useMapShown(): boolean {
  const chosen = useStore(settings, (state) => state.minimap);
  const large = useStore(editor, isLarge);
  const roomy = useSyncExternalStore(onResize, () => window.matchMedia(ROOMY).matches);
  return chosen ?? (roomy && large);
}

function isLarge(state: EditorState): boolean {
  const tab = tabOf(state);
  return tab !== undefined && level(present(tab.history), tab.at).nodes.size >= LARGE;
}

function onResize(listener: () => void): () => void {
  const roomy = window.matchMedia(ROOMY);
  roomy.addEventListener("change", listener);
  return () => roomy.removeEventListener("change", listener);
}
