/** The graph that is shown. Each level of each tab has a canvas of its own, so that each keeps its view. */

import "@xyflow/react/dist/style.css";
import "./canvas.css";
import "./floating.css";
import { Background, BackgroundVariant, ReactFlow, SelectionMode } from "@xyflow/react";
import { useEffect, useLayoutEffect, useRef, useState, type MouseEvent } from "react";
import { change, editor, enter, tabOf, type Tab } from "../app/editor";
import { useStore } from "../app/store";
import { insertOnLink } from "../edit/nodes";
import { t } from "../i18n";
import { GRID } from "../model/geometry";
import { Breadcrumb } from "./Breadcrumb";
import { CanvasTools } from "./CanvasTools";
import type { AnyNode } from "./derive";
import { DragLine } from "./DragLine";
import { FarAway, isFar } from "./FarAway";
import { bendAt } from "./bending";
import { beginCut } from "./cut";
import { linkUnder, markLink } from "./dropOnLink";
import { listenToKeys } from "./keyboard";
import { beginLongPress } from "./longPress";
import { beginLasso } from "./lasso";
import { LinkView } from "./LinkView";
import { canvasMenu, groupMenu, linkMenu, nodeMenu } from "./menus";
import { ContextMenu } from "./MenuView";
import { Minimap } from "./Minimap";
import { NodeView } from "./NodeView";
import { Palette } from "./Palette";
import { Partners } from "./Partners";
import { BendView, BorderView, GroupView, RerouteView } from "./SmallViews";
import { open, settings } from "./ui";
import { useDerived, type Moving } from "./useDerived";
import { attach, CLOSENESS, firstView, keepView, pointAt, toFlow } from "./viewport";

const NODE_TYPES = { node: NodeView, reroute: RerouteView, bend: BendView, group: GroupView, border: BorderView };
const EDGE_TYPES = { link: LinkView };
const GRID_STEP: [number, number] = [GRID, GRID];
const SELECT_KEYS = ["Shift", "Control", "Meta"];

/** From so many nodes on, only those that are in view are drawn. */
const MANY = 120;

export function Canvas() {
  const tab = useStore(editor, tabOf);
  useEffect(listenToKeys, []);
  if (!tab) return null;
  return (
    <>
      <Level key={`${tab.id}/${tab.hosts.join(":")}`} tab={tab} />
      <Palette />
      <ContextMenu />
      <Partners />
    </>
  );
}

function Level({ tab }: { readonly tab: Tab }) {
  const key = `${tab.id}/${tab.hosts.join(":")}`;
  const root = useRef<HTMLDivElement>(null);
  const snap = useStore(settings, (state) => state.snap);
  const { nodes, edges, onNodesChange, onEdgesChange, beginMove, endMove } = useDerived(tab);
  const many = nodes.length > MANY;
  const [view] = useState(() => firstView(key, nodes));
  const [spoken] = useState(spokenTexts);
  useLayoutEffect(() => open({ far: many && isFar(view.zoom) }), []); // before any node is drawn
  useEffect(() => () => attach(undefined, undefined), []);
  return (
    <div
      className="canvas"
      ref={root}
      onDoubleClick={onDoubleClick}
      onPointerMove={(event) => pointAt([event.clientX, event.clientY])}
      onPointerDownCapture={(event) => (beginCut(event), beginLasso(event), beginLongPress(event.nativeEvent))}
    >
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onInit={(flow) => attach(flow, root.current ?? undefined)}
        onMoveEnd={(_, viewport) => keepView(key, viewport)}
        onNodeDragStart={(event) => beginMove({ alone: event.ctrlKey || event.metaKey, copy: event.altKey })}
        onNodeDrag={(event, node, dragged) => markLink(dragged.length === 1 ? linkUnder(event, node) : undefined)}
        onNodeDragStop={(event, node, dragged) => drop(event, node, dragged, endMove())}
        onSelectionDragStart={(event) => beginMove({ alone: false, copy: event.altKey })}
        onNodeDoubleClick={(event, node) => onNodeDoubleClick(event, node)}
        onPaneContextMenu={(event) => canvasMenu(event)}
        onNodeContextMenu={(event, node) => (node.type === "group" ? groupMenu(event, node.id) : nodeMenu(event, node))}
        onSelectionContextMenu={(event) => nodeMenu(event)}
        onSelectionDragStop={endMove}
        onEdgeDoubleClick={(event, edge) => bendAt(edge.id.slice(5), toFlow([event.clientX, event.clientY]))}
        onEdgeContextMenu={(event, edge) => linkMenu(event, edge.id)}
        defaultViewport={view}
        minZoom={CLOSENESS[0]}
        maxZoom={CLOSENESS[1]}
        snapToGrid={snap}
        snapGrid={GRID_STEP}
        onlyRenderVisibleElements={many}
        nodesConnectable={false}
        panOnDrag={[0, 1]}
        panActivationKeyCode={null}
        selectionKeyCode={SELECT_KEYS}
        multiSelectionKeyCode={SELECT_KEYS}
        selectionMode={SelectionMode.Partial}
        deleteKeyCode={null}
        zoomOnDoubleClick={false}
        elevateEdgesOnSelect={false}
        proOptions={{ hideAttribution: true }}
        edgesFocusable={false}
        ariaLabelConfig={spoken}
        aria-label={t("canvas.graph")}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1.5} color="var(--grid)" />
        <FarAway root={root} many={many} />
        <DragLine />
        <Breadcrumb tab={tab} />
        <CanvasTools />
        <Minimap />
      </ReactFlow>
    </div>
  );
}

/** What a screen reader says of all nodes, in the language of the page. */
function spokenTexts() {
  return {
    "node.a11yDescription.default": t("canvas.nodeHelp"),
    "edge.a11yDescription.default": "",
    "node.a11yDescription.ariaLiveMessage": ({ x, y }: { x: number; y: number }) => t("canvas.moved", { x, y }),
  };
}

function onDoubleClick(event: MouseEvent): void {
  if (!(event.target as Element).classList.contains("react-flow__pane")) return;
  const screen = [event.clientX, event.clientY] as const;
  open({ palette: { screen, flow: toFlow(screen) } });
}

/** On the body of a node that stands for a subgraph: inside. On its title its name is changed. */
function onNodeDoubleClick(event: MouseEvent, node: AnyNode): void {
  if ((event.target as Element).closest(".nodrag, .node-name")) return;
  if (node.type === "node" && node.data.isHost) enter(node.id);
}

/** A node let go on a link is put between its ends. */
function drop(event: globalThis.MouseEvent | TouchEvent | MouseEvent, node: AnyNode, all: AnyNode[], move: Moving) {
  markLink(undefined);
  const link = all.length === 1 && node.type === "node" ? linkUnder(event, node) : undefined;
  if (link === undefined) return;
  change((at) => insertOnLink(at, move.twins?.get(node.id) ?? node.id, link), move.gesture);
}
