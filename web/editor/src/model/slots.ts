/** The sockets that a node has: those of its file, and those that its definition has beyond them. */

import { isObject, key, list, object, text } from "./json";
import { AUTOGROW, type InputDef, type NodeDef } from "./nodes";
import type { Json, JsonObject, Slot, Values } from "./types";
import { inputsOf } from "./widgets";

export function readSlot(raw: JsonObject): Slot {
  const widget = text(object(raw.widget).name);
  const label = text(raw.label);
  return {
    name: text(raw.name) ?? widget ?? key(raw.name ?? ""),
    type: typeOf(raw.type),
    ...(label === undefined ? {} : { label }),
    ...(widget === undefined ? {} : { widget }),
    raw,
  };
}

/** Files name menus by their list. */
function typeOf(type: Json | undefined): string {
  return Array.isArray(type) ? "COMBO" : (text(type) ?? (typeof type === "number" ? String(type) : "*"));
}

/** The inputs of a node: as they are, and at the end what the definition has beyond them. Indices stay. */
export function completeInputs(def: NodeDef, values: Values, slots: readonly Slot[]): readonly Slot[] {
  const defined = new Map(slotsOf(def, values, slots).map((slot) => [slot.name, slot]));
  const known = slots.map((slot) => refine(slot, defined.get(slot.name)));
  const names = new Set(slots.map((slot) => slot.name));
  const more = [...defined.values()].filter((slot) => !names.has(slot.name));
  return more.length || known.some((slot, i) => slot !== slots[i]) ? [...known, ...more] : slots;
}

/** The definition says what a slot takes; the file only what it took. */
function refine(slot: Slot, defined: Slot | undefined): Slot {
  if (!defined || (slot.type === defined.type && slot.widget === defined.widget)) return slot;
  const { widget: _, ...rest } = slot;
  return { ...rest, type: defined.type, ...(defined.widget === undefined ? {} : { widget: defined.widget }) };
}

/** Sockets first, then one slot a widget: the order that files without slots of their own count by. */
export function slotsOf(def: NodeDef, values: Values, present: readonly Slot[] = []): Slot[] {
  const inputs = inputsOf(def, values).filter((input) => !input.socketless);
  const slots = inputs.map((input) => ({
    input,
    slots: input.widget ? [widgetSlot(input)] : socketsOf(input, present),
  }));
  if (def.subgraph) return slots.flatMap((one) => one.slots);
  const [widgets, sockets] = [slots.filter((one) => one.input.widget), slots.filter((one) => !one.input.widget)];
  return [...sockets, ...widgets].flatMap((one) => one.slots);
}

function widgetSlot({ name, type }: InputDef): Slot {
  return { name, type, widget: name };
}

function socketsOf(input: InputDef, present: readonly Slot[]): Slot[] {
  if (input.type !== AUTOGROW) return [{ name: input.name, type: input.type }];
  return autogrown(input, present);
}

/** An input that grows: named ones are all there; numbered ones are as many as are needed, and one to spare. */
function autogrown(input: InputDef, present: readonly Slot[]): Slot[] {
  const template = object(input.options.template);
  const [name, type] = innerInput(object(template.input));
  const names = list(template.names).map(String);
  if (names.length) return names.map((n) => ({ name: `${input.name}.${n}`, type }));
  const prefix = `${input.name}.${text(template.prefix) ?? name}`;
  const there = present.filter((slot) => slot.name.startsWith(prefix));
  const full = there.at(-1)?.raw?.link != null;
  const count = Math.max(there.length + (full ? 1 : 0), Number(template.min ?? 1));
  return Array.from({ length: Math.min(count, Number(template.max ?? count)) }, (_, i) => ({
    name: `${prefix}${i}`,
    type,
  }));
}

function innerInput(sections: JsonObject): [name: string, type: string] {
  const [name, declaration] =
    Object.entries(object(sections.required))[0] ?? Object.entries(object(sections.optional))[0] ?? [];
  return [name ?? "", typeOf(list(declaration)[0])];
}

export function completeOutputs(def: NodeDef, slots: readonly Slot[]): readonly Slot[] {
  const known = slots.map((slot, i) => {
    const defined = def.outputs[i];
    return defined && defined.name === slot.name && defined.type !== slot.type ? { ...slot, type: defined.type } : slot;
  });
  const more = def.outputs.slice(slots.length).map(({ name, type }) => ({ name, type }));
  return more.length || known.some((slot, i) => slot !== slots[i]) ? [...known, ...more] : slots;
}

export function readSlots(raw: Json | undefined): Slot[] {
  return list(raw).map((slot) => readSlot(isObject(slot) ? slot : {}));
}
