/** The links of a graph, as React Flow draws them. */

import type { Edge } from "@xyflow/react";
import type { Graph, Link, NodeId, Point } from "../model/types";
import { spoken } from "./spoken";
import { bendsOf, linkType } from "./wires";

export type LinkData = { readonly type: string; readonly bends: readonly Point[]; readonly off: boolean };
export type AnyEdge = Edge<LinkData, "link">;

/** name: what a node is called aloud. */
export interface Look {
  readonly graph: Graph;
  readonly selection: ReadonlySet<string>;
  readonly name: (id: NodeId) => string;
}

/** The same objects as last time where nothing changed. */
export function* flowEdges(look: Look, kept: ReadonlyMap<string, AnyEdge>): Generator<[string, AnyEdge]> {
  for (const link of look.graph.links.values()) {
    const edge = flowEdge(look, link);
    const before = kept.get(edge.id);
    yield [edge.id, before && sameEdge(before, edge) ? before : edge];
  }
}

function flowEdge({ graph, selection, name }: Look, link: Link): AnyEdge {
  const id = `link:${link.id}`;
  return {
    id,
    type: "link",
    source: link.from,
    sourceHandle: `out:${link.fromSlot}`,
    target: link.to,
    targetHandle: `in:${link.toSlot}`,
    selected: selection.has(id),
    ariaLabel: `${name(link.from)} → ${name(link.to)}`,
    domAttributes: spoken("canvas.aLink"),
    data: { type: linkType(graph, link), bends: bendsOf(graph, link), off: isOff(graph, link) },
  };
}

/** Nothing comes through the link, since a node at its end does not run. */
function isOff(graph: Graph, link: Link): boolean {
  return [link.from, link.to].some((id) => (graph.nodes.get(id)?.mode ?? 0) === 2);
}

function sameEdge(a: AnyEdge, b: AnyEdge): boolean {
  const [x, y] = [a.data!, b.data!];
  return (
    a.source === b.source &&
    a.target === b.target &&
    a.sourceHandle === b.sourceHandle &&
    a.targetHandle === b.targetHandle &&
    a.selected === b.selected &&
    a.ariaLabel === b.ariaLabel &&
    a.domAttributes === b.domAttributes &&
    x.type === y.type &&
    x.off === y.off &&
    x.bends.length === y.bends.length &&
    x.bends.every((point, i) => point === y.bends[i])
  );
}

/** What comes through each bend. */
export function bendTypes(graph: Graph): Map<string, string> {
  const types = new Map<string, string>();
  if (!graph.bends.size) return types;
  for (const link of graph.links.values()) {
    for (let id = link.bend; id !== undefined && !types.has(id); id = graph.bends.get(id)?.parent) {
      types.set(id, linkType(graph, link));
    }
  }
  return types;
}
