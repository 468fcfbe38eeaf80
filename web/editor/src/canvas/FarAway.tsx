/** What is left out of the picture while nobody could read it: most of the work of drawing a large graph. */

import { useStore as useFlow } from "@xyflow/react";
import { useEffect, type RefObject } from "react";
import { open } from "./ui";

/** Below this zoom nobody can read what nodes hold: it is not painted. */
const READABLE = 0.36;

export function isFar(zoom: number): boolean {
  return zoom < READABLE;
}

interface Props {
  readonly root: RefObject<HTMLElement | null>;
  /** So many nodes that they are not even kept with what they hold. */
  readonly many: boolean;
}

export function FarAway({ root, many }: Props) {
  const far = useFlow((state) => (state.panZoom ? isFar(state.transform[2]) : undefined));
  useEffect(() => {
    if (far === undefined) return; // the view is not there yet
    root.current?.toggleAttribute("data-far", far);
    root.current?.toggleAttribute("data-shells", far && many);
    open({ far: far && many });
  }, [root, far, many]);
  return null;
}
