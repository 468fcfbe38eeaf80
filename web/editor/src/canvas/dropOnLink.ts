/** The link that a dragged node would be put into. */

import { graph } from "../app/editor";
import type { AnyNode } from "./derive";
import { container } from "./viewport";

interface Pointed {
  readonly clientX?: number;
  readonly clientY?: number;
}

/** Only for a node that has no links yet: others are merely on their way over. */
export function linkUnder(event: Pointed | TouchEvent, node: AnyNode): string | undefined {
  const { clientX, clientY } = event as Pointed;
  if (clientX === undefined || clientY === undefined || node.type !== "node") return undefined;
  const { inputs, outputs } = node.data.marks;
  if (inputs || outputs) return undefined;
  const path = document.elementsFromPoint(clientX, clientY).find((el) => el.classList.contains("wire-reach"));
  const id = (path as SVGPathElement | undefined)?.dataset.link;
  return id !== undefined && graph().links.has(id) ? id : undefined;
}

export function markLink(id: string | undefined): void {
  for (const wire of container()?.querySelectorAll<SVGPathElement>(".wire-reach[data-drop]") ?? []) {
    if (wire.dataset.link !== id) delete wire.dataset.drop;
  }
  if (id === undefined) return;
  const wire = container()?.querySelector<SVGPathElement>(`.wire-reach[data-link="${CSS.escape(id)}"]`);
  if (wire) wire.dataset.drop = "";
}
