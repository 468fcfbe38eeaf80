/** Which slots of each node have links: as text, so that two of them are easily compared. */

import type { Graph, NodeId } from "../model/types";

export interface Marks {
  /** `,0,3,`: the inputs 0 and 3. */
  readonly inputs: string;
  readonly outputs: string;
}

export function slotMarks(graph: Graph): Map<NodeId, Marks> {
  const inputs = new Map<NodeId, Set<number>>();
  const outputs = new Map<NodeId, Set<number>>();
  for (const link of graph.links.values()) {
    add(outputs, link.from, link.fromSlot);
    add(inputs, link.to, link.toSlot);
  }
  const ids = new Set([...inputs.keys(), ...outputs.keys()]);
  return new Map([...ids].map((id) => [id, { inputs: text(inputs.get(id)), outputs: text(outputs.get(id)) }]));
}

function add(map: Map<NodeId, Set<number>>, id: NodeId, slot: number): void {
  const slots = map.get(id);
  if (slots) slots.add(slot);
  else map.set(id, new Set([slot]));
}

function text(slots: Set<number> | undefined): string {
  return slots ? `,${[...slots].sort((a, b) => a - b).join(",")},` : "";
}

export function isMarked(marks: string, slot: number): boolean {
  return marks.includes(`,${slot},`);
}
