/** What the menu of a node offers for its widgets: resetting, linking, showing them on the subgraph. */

import { change, here } from "../app/editor";
import { exposeWidget, hideWidget, isExposed } from "../edit/borders";
import { graphOf } from "../edit/place";
import { isSocket, resetValue, showSocket, widgetsAt } from "../edit/values";
import { t } from "../i18n";
import { ROOT, type NodeId } from "../model/types";
import { wordAt } from "./rows";
import type { MenuEntry } from "./ui";

/** Of the widget that was pointed at, if one was. */
export function pointedWidget(id: NodeId, pointed: EventTarget | null): MenuEntry[] {
  const row = pointed instanceof Element ? pointed.closest<HTMLElement>("[data-widget]") : null;
  const name = row?.dataset.widget;
  return name === undefined ? [] : ofWidget(id, name);
}

export function allWidgets(id: NodeId): MenuEntry[] {
  const node = graphOf(here()).nodes.get(id);
  const linkable = node?.inputs.filter((slot) => slot.widget !== undefined).map(({ name }) => name) ?? [];
  const names = new Set([...widgetsAt(here(), id).map(({ name }) => name), ...linkable]);
  return [...names].flatMap((name) => ofWidget(id, name));
}

function ofWidget(id: NodeId, name: string): MenuEntry[] {
  return [...resetEntry(id, name), ...socketEntry(id, name), ...exposeEntry(id, name)];
}

/** Only where it would change something. */
function resetEntry(id: NodeId, name: string): MenuEntry[] {
  const at = here();
  if (resetValue(at, id, name) === at.doc) return [];
  const run = () => change((place) => resetValue(place, id, name));
  return [{ id: `reset.${name}`, label: t("canvas.reset", { name: wordAt(at, id, name) }), run }];
}

/** A widget that may be linked, as what it is not now: a socket or a widget. */
function socketEntry(id: NodeId, name: string): MenuEntry[] {
  const at = here();
  const node = graphOf(at).nodes.get(id);
  if (!node?.inputs.some((slot) => slot.name === name && slot.widget !== undefined)) return [];
  const on = isSocket(node, name);
  const label = t(on ? "canvas.toWidget" : "canvas.toSocket", { name: wordAt(at, id, name) });
  return [{ id: `socket.${name}`, label, run: () => change((place) => showSocket(place, id, name, !on)) }];
}

/** Inside of a subgraph: whether its nodes outside show the widget. */
function exposeEntry(id: NodeId, name: string): MenuEntry[] {
  const at = here();
  const node = graphOf(at).nodes.get(id);
  if (at.level === ROOT || !node?.inputs.some((slot) => slot.name === name && slot.widget !== undefined)) return [];
  const on = isExposed(at, id, name);
  const run = () => change((place) => (on ? hideWidget(place, id, name) : exposeWidget(place, id, name)));
  const label = t(on ? "canvas.hide" : "canvas.expose", { name: wordAt(at, id, name) });
  return [{ id: `expose.${name}`, label, run }];
}
