/** The menu of the border of a subgraph: what can be done to each of its sockets. */

import { change, here } from "../app/editor";
import { askText } from "../app/questions";
import { moveBorderSlot, removeBorderSlot, renameBorderSlot, type Side } from "../edit/borders";
import { definitionOf } from "../edit/place";
import { t } from "../i18n";
import { INPUTS, type NodeId } from "../model/types";
import type { MenuEntry, MenuItem } from "./ui";

/** Of the socket that was pointed at; else of all, each in a menu of its own. */
export function borderEntries(id: NodeId, pointed: EventTarget | null): MenuItem[] {
  const side: Side = id === INPUTS ? "inputs" : "outputs";
  const names = definitionOf(here())?.[side].map(({ label, name }) => label ?? name) ?? [];
  const row = pointed instanceof Element ? pointed.closest<HTMLElement>("[data-border-slot]") : null;
  if (row) return ofSlot(side, Number(row.dataset.borderSlot));
  return names.map((name, i) => ({ id: `slot.${i}`, label: name, children: ofSlot(side, i) }));
}

function ofSlot(side: Side, index: number): MenuEntry[] {
  const slots = definitionOf(here())?.[side] ?? [];
  const name = slots[index]?.label ?? slots[index]?.name ?? "";
  const move = (to: number) => () => change((at) => moveBorderSlot(at, side, index, to));
  return [
    { id: "rename", label: t("canvas.renameSlot", { name }), run: () => void renameSlot(side, index) },
    { id: "up", label: t("canvas.slotUp"), disabled: index === 0, run: move(index - 1) },
    { id: "down", label: t("canvas.slotDown"), disabled: index === slots.length - 1, run: move(index + 1) },
    {
      id: "remove",
      label: t("canvas.removeSlot", { name }),
      run: () => change((at) => removeBorderSlot(at, side, index)),
    },
  ];
}

export async function renameSlot(side: Side, index: number): Promise<void> {
  const slot = definitionOf(here())?.[side][index];
  if (!slot) return;
  const name = slot.label ?? slot.name;
  const wanted = await askText(t("canvas.renameSlot", { name }), name, t("canvas.rename"));
  if (wanted) change((at) => renameBorderSlot(at, side, index, wanted));
}
