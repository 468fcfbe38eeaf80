/** Which sockets a link that is being drawn may end at: asked of thousands at once, so all that can be is known before. */

import { compatible, linkInto, sourceType, suits, targetType, type End } from "../edit/links";
import { graphOf, inputsOf, outputsOf, type Place } from "../edit/place";
import { INPUTS, OUTPUTS, type Graph, type NodeId } from "../model/types";
import type { Socket } from "./ui";

type Side = Socket["side"];

/** Whether all ends may be connected to a socket of the other side. */
export function fitting(at: Place, ends: readonly Socket[]): (socket: End & { side: Side }) => boolean {
  const graph = graphOf(at);
  const side = ends[0]?.side ?? "output";
  const closed = new Set(ends.flatMap((end) => [...reach(graph, end.node, side === "output" ? "back" : "on")]));
  const wanted = ends.map((end) => ({ end, type: typeOf(graph, end) }));
  return (socket) => {
    if (socket.side === side || closed.has(socket.node)) return false;
    const type = typeOf(graph, socket);
    return wanted.every((want) => pair(at, want.end, want.type, socket, type));
  };
}

function pair(at: Place, end: Socket, type: string, other: End & { side: Side }, otherType: string): boolean {
  const [from, to] = end.side === "output" ? [end, other] : [other, end];
  const [source, target] = end.side === "output" ? [type, otherType] : [otherType, type];
  return suits(at, from, to) && compatible(source, target);
}

export function typeOf(graph: Graph, socket: End & { side: Side }): string {
  return socket.side === "output" ? sourceType(graph, socket) : targetType(graph, socket);
}

/** The nodes that lead to a node, or that it leads to, itself included; borders lead nowhere. */
export function reach(graph: Graph, start: NodeId, way: "back" | "on"): Set<NodeId> {
  const next = new Map<NodeId, NodeId[]>();
  for (const link of graph.links.values()) {
    const [from, to] = way === "on" ? [link.from, link.to] : [link.to, link.from];
    const list = next.get(from);
    if (list) list.push(to);
    else next.set(from, [to]);
  }
  const seen = new Set([start]);
  for (const id of seen) for (const other of next.get(id) ?? []) seen.add(other);
  seen.delete(INPUTS);
  seen.delete(OUTPUTS);
  return seen;
}

/** All sockets that one may be connected to. */
export function partnersOf(at: Place, socket: Socket): End[] {
  const graph = graphOf(at);
  const fits = fitting(at, [socket]);
  const side: Side = socket.side === "output" ? "input" : "output";
  const slots = side === "input" ? inputsOf : outputsOf;
  return [...graph.nodes.keys(), INPUTS, OUTPUTS].flatMap((node) =>
    slots(graph, node)
      .map((_, slot) => ({ node, slot }))
      .filter((end) => fits({ ...end, side })),
  );
}

/** The socket of a node that a link dropped on its body means: free and of exactly the type before all others. */
export function bestSlot(at: Place, node: NodeId, ends: readonly Socket[]): Socket | undefined {
  const graph = graphOf(at);
  const end = ends[0];
  if (!end) return undefined;
  const fits = fitting(at, ends);
  const type = typeOf(graph, end);
  const side: Side = end.side === "output" ? "input" : "output";
  const slots = side === "input" ? inputsOf(graph, node) : outputsOf(graph, node);
  if (node === INPUTS || node === OUTPUTS) return bestBorderSlot(slots.length, node, side);
  const found = slots
    .map((slot, i): Socket & { rank: number } => {
      const socket = { node, slot: i, side, type: slot.type };
      const free = side === "output" || !linkInto(graph, socket);
      const plain = !("widget" in slot) || slot.widget === undefined;
      return { ...socket, rank: (slot.type === type ? 4 : 0) + (free ? 2 : 0) + (plain ? 1 : 0) };
    })
    .filter((socket) => fits(socket));
  const best = found.reduce<(typeof found)[number] | undefined>((a, b) => (a && a.rank >= b.rank ? a : b), undefined);
  return best && { node, slot: best.slot, side, type: best.type };
}

/** Dropped beside the sockets of a border: a new one is meant. Inputs only give, outputs only take. */
function bestBorderSlot(count: number, node: NodeId, side: Side): Socket | undefined {
  return (node === INPUTS) === (side === "output") ? { node, slot: count, side, type: "*" } : undefined;
}
