/** Connecting by keyboard: all sockets that one may be connected to, nearest first, and what takes its links off. */

import { activeTab, change, editor, here } from "../app/editor";
import { useStore } from "../app/store";
import { disconnect, linkInto, linksFrom, type End } from "../edit/links";
import { graphOf, inputsOf, outputsOf } from "../edit/place";
import { t } from "../i18n";
import { titleOf } from "../model/instances";
import type { NodeId } from "../model/types";
import { ChoiceList, type Choice } from "./ChoiceList";
import { join } from "./drag";
import { partnersOf } from "./fits";
import { wordAt } from "./rows";
import { close, open, ui, type Socket } from "./ui";
import { socketsOf, toFlow } from "./viewport";

export function Partners() {
  const request = useStore(ui, (state) => state.partners);
  if (!request) return null;
  const { socket, screen } = request;
  const name = slotName(socket, socket.side) || socket.type;
  const leave = () => {
    close("partners");
    socketsOf(socket.node)
      .find((dot) => dot.dataset.side === socket.side && dot.dataset.slot === String(socket.slot))
      ?.focus();
  };
  return (
    <ChoiceList
      label={t("canvas.partners", { name })}
      none={t("canvas.nothingFits", { name })}
      screen={screen}
      choices={choicesOf(socket, () => {
        close("partners");
        open({ palette: { screen, flow: toFlow(screen), ends: [socket] } });
      })}
      onLeave={leave}
    />
  );
}

function choicesOf(socket: Socket, search: () => void): Choice[] {
  const other = socket.side === "output" ? "input" : "output";
  const near = distance(socket.node);
  const found = partnersOf(here(), socket)
    .sort((a, b) => near(a.node) - near(b.node))
    .map((end): Choice => {
      const label = `${nodeName(end.node)} · ${slotName(end, other)}`;
      return { id: `${end.node}.${end.slot}`, label, run: () => change((place) => join(place, [socket], [], end)) };
    });
  const links = linked(socket);
  const cut: Choice = {
    id: "cut",
    label: t("canvas.cutLink"),
    run: () => change((place) => disconnect(place, links)),
  };
  return [...found, { id: "search", label: t("canvas.addHere"), run: search }, ...(links.length ? [cut] : [])];
}

function linked(socket: Socket): string[] {
  const graph = graphOf(here());
  if (socket.side === "output") return linksFrom(graph, socket).map((link) => link.id);
  const link = linkInto(graph, socket);
  return link ? [link.id] : [];
}

function slotName(end: End, side: Socket["side"]): string {
  const at = here();
  const slot = (side === "input" ? inputsOf : outputsOf)(graphOf(at), end.node)[end.slot];
  return slot ? wordAt(at, end.node, slot.name) : "";
}

function nodeName(id: NodeId): string {
  const at = here();
  const node = graphOf(at).nodes.get(id);
  return node ? titleOf(at.doc, node, editor.get().defs) : activeTab().name;
}

function distance(from: NodeId): (to: NodeId) => number {
  const { nodes } = graphOf(here());
  const [x, y] = nodes.get(from)?.pos ?? [0, 0];
  return (to) => {
    const pos = nodes.get(to)?.pos;
    return pos ? Math.hypot(pos[0] - x, pos[1] - y) : 0;
  };
}
