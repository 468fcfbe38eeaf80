/** Drawing links by pointer: from a socket, either way; a linked input gives its link up, Shift takes all of an output. */

import { change, graph, here } from "../app/editor";
import { connect, disconnect, linkInto, linksFrom, type End } from "../edit/links";
import { connectNewBorderSlot } from "../edit/borders";
import { after, definitionOf, outputsOf, inputsOf, type Place } from "../edit/place";
import { INPUTS, OUTPUTS, type Document, type Graph, type Point } from "../model/types";
import { bestSlot, fitting } from "./fits";
import { follow } from "./follow";
import { close, open, ui, type Socket } from "./ui";
import { container, flowOf, toFlow } from "./viewport";

const EDGE = 36;

interface Taking {
  readonly ends: readonly Socket[];
  readonly taken: readonly string[];
}

export function beginDrag(event: PointerEvent, socket: Socket): void {
  if (event.button !== 0) return;
  event.stopPropagation();
  (event.target as Element).releasePointerCapture?.(event.pointerId);
  const taking = takes(graph(), socket, event.shiftKey);
  const shown = without(taking.taken);
  let pan = 0;
  let at: Point;
  const fits = fitting(shown, taking.ends);
  const show = () => {
    const target = targetAt(shown, taking.ends, at);
    open({ drag: { ...taking, pointer: toFlow(at), ...(target ? { target } : {}) } });
  };
  follow([event.clientX, event.clientY], {
    move(to) {
      if (!pan) light(fits, taking.ends);
      pan ||= window.setInterval(() => {
        if (!autoPan(at)) return;
        // nodes that come into view have not been told yet
        if (container()?.querySelector(".socket:not([data-fit])")) light(fits, taking.ends);
        show();
      }, 16);
      at = to;
      show();
    },
    end(dropped, to) {
      window.clearInterval(pan);
      light();
      const target = ui.get().drag?.target;
      close("drag");
      if (dropped) finish(taking, target, to);
    },
  });
}

/** With the taken links off: what may be connected is judged by it. */
function without(taken: readonly string[]): Place {
  return after(here(), disconnect(here(), taken));
}

/** What a drag from a socket draws, and which links it takes off. */
export function takes(shown: Graph, socket: Socket, all: boolean): Taking {
  if (socket.side === "input") {
    const link = linkInto(shown, socket);
    if (!link) return { ends: [socket], taken: [] };
    const type = outputsOf(shown, link.from)[link.fromSlot]?.type ?? link.type;
    return { ends: [{ node: link.from, slot: link.fromSlot, side: "output", type }], taken: [link.id] };
  }
  const links = all ? linksFrom(shown, socket) : [];
  if (!links.length) return { ends: [socket], taken: [] };
  const ends = links.map((link): Socket => {
    const type = inputsOf(shown, link.to)[link.toSlot]?.type ?? link.type;
    return { node: link.to, slot: link.toSlot, side: "input", type };
  });
  return { ends, taken: links.map((link) => link.id) };
}

/** The socket under the pointer if it fits; on a node, its best. */
function targetAt(shown: Place, ends: readonly Socket[], [x, y]: Point): Socket | undefined {
  const under = document.elementsFromPoint(x, y).find((el) => el.closest(".react-flow__node, .socket"));
  const dot = under?.closest<HTMLElement>(".socket");
  if (dot) return fitting(shown, ends)(socketAt(dot)) ? socketAt(dot) : undefined;
  const node = under?.closest<HTMLElement>(
    ".react-flow__node-node, .react-flow__node-reroute, .react-flow__node-border",
  );
  return node?.dataset.id === undefined ? undefined : bestSlot(shown, node.dataset.id, ends);
}

export function socketAt(dot: HTMLElement): Socket {
  const { node = "", slot = "0", side, type = "*" } = dot.dataset;
  return { node, slot: Number(slot), side: side === "input" ? "input" : "output", type };
}

/** Compatible sockets light up, all others dim; said to the page at once, not to thousands of components. */
function light(fits?: ReturnType<typeof fitting>, ends: readonly Socket[] = []): void {
  const root = container();
  if (!root) return;
  root.toggleAttribute("data-dragging", fits !== undefined);
  for (const dot of root.querySelectorAll<HTMLElement>(".socket")) {
    if (!fits) delete dot.dataset.fit;
    else dot.dataset.fit = fits(socketAt(dot)) ? "yes" : isEnd(ends, socketAt(dot)) ? "self" : "no";
  }
}

function isEnd(ends: readonly Socket[], socket: Socket): boolean {
  return ends.some((end) => end.node === socket.node && end.slot === socket.slot && end.side === socket.side);
}

function finish(taking: Taking, target: Socket | undefined, at: Point): void {
  if (target) change((place) => join(place, taking.ends, taking.taken, target));
  else if (taking.taken.length) change((place) => disconnect(place, taking.taken));
  else if (onCanvas(at)) open({ palette: { screen: at, flow: toFlow(at), ends: taking.ends } });
}

function onCanvas([x, y]: Point): boolean {
  return document.elementFromPoint(x, y)?.closest(".react-flow") != null;
}

/** Connects all ends to one socket, in place of the links that were taken off. */
export function join(at: Place, ends: readonly Socket[], taken: readonly string[], target: End): Document {
  const free = disconnect(at, taken);
  return ends.reduce((doc, end) => {
    const now = after(at, doc);
    if (isNewSlot(now, target)) return connectNewBorderSlot(now, sideOf(target), pick(end));
    if (isNewSlot(now, end)) return connectNewBorderSlot(now, sideOf(end), pick(target));
    const [from, to] = end.side === "output" ? [end, target] : [target, end];
    return connect(now, pick(from), pick(to));
  }, free);
}

/** The last socket of a border is not there yet: what is connected to it makes it. */
function isNewSlot(at: Place, { node, slot }: End): boolean {
  const definition = definitionOf(at);
  if (!definition || (node !== INPUTS && node !== OUTPUTS)) return false;
  return slot >= (node === INPUTS ? definition.inputs : definition.outputs).length;
}

function sideOf({ node }: End): "inputs" | "outputs" {
  return node === INPUTS ? "inputs" : "outputs";
}

function pick({ node, slot }: End): End {
  return { node, slot };
}

/** Near the border of the canvas the view follows. */
function autoPan([x, y]: Point): boolean {
  const [box, flow] = [container()?.getBoundingClientRect(), flowOf()];
  if (!box || !flow) return false;
  const push = (low: number, high: number) => Math.max(0, EDGE - low) - Math.max(0, EDGE - high);
  const [dx, dy] = [push(x - box.left, box.right - x), push(y - box.top, box.bottom - y)];
  if (!dx && !dy) return false;
  const { x: left, y: top, zoom } = flow.getViewport();
  void flow.setViewport({ x: left + dx / 3, y: top + dy / 3, zoom });
  return true;
}
