/** Small graphs for tests, and random edits of any graph. */

import fc from "fast-check";
import { align, distribute } from "../src/edit/arrange";
import { partnersOf } from "../src/canvas/fits";
import { carriedBy, twinsOf } from "../src/canvas/moves";
import { addBend, addReroute, removeBend } from "../src/edit/bends";
import { exposeWidget, hideWidget, moveBorderSlot, removeBorderSlot, renameBorderSlot } from "../src/edit/borders";
import { connectNewBorderSlot, renameSubgraph, type Side } from "../src/edit/borders";
import { copy, duplicate, paste, pasteable } from "../src/edit/clipboard";
import { addGroup, contents, fitGroup, moveGroup, removeGroups } from "../src/edit/groups";
import { layOut } from "../src/edit/layout";
import { connect, disconnect } from "../src/edit/links";
import {
  addNode,
  dissolve,
  insertOnLink,
  moveNodes,
  removeNodes,
  resizeNode,
  setColor,
  setTitle,
} from "../src/edit/nodes";
import { toggleFlag, toggleMode, toFront } from "../src/edit/nodes";
import { after, definitionOf, graphOf, type Made, type Place } from "../src/edit/place";
import { makeSubgraph } from "../src/edit/subgraphs";
import { unpack } from "../src/edit/unpack";
import { resetValue, setValue, showSocket, widgetsAt } from "../src/edit/values";
import { BYPASSED, EMPTY, MUTED, ROOT, type Document, type Json, type NodeId } from "../src/model/types";
import { defs } from "./conformance";

export function place(doc: Document = EMPTY, level = ROOT): Place {
  return { doc, level, defs };
}

/** A graph under construction: each step is an edit. */
export class Builder {
  at: Place;

  constructor(doc: Document = EMPTY, level = ROOT) {
    this.at = place(doc, level);
  }

  get doc(): Document {
    return this.at.doc;
  }

  edit(change: (at: Place) => Document): this {
    this.at = after(this.at, change(this.at));
    return this;
  }

  make(change: (at: Place) => Made): NodeId {
    const made = change(this.at);
    this.at = after(this.at, made.doc);
    return made.nodes[0]!;
  }

  node(type: string, x = 0, y = 0): NodeId {
    return this.make((at) => addNode(at, type, [x, y]));
  }

  /** By the names of the sockets. */
  link(from: NodeId, output: string, to: NodeId, input: string): this {
    const { nodes } = graphOf(this.at);
    const slot = nodes.get(from)!.outputs.findIndex((one) => one.name === output);
    const toSlot = nodes.get(to)!.inputs.findIndex((one) => one.name === input);
    const doc = connect(this.at, { node: from, slot }, { node: to, slot: toSlot });
    if (doc === this.doc) throw new Error(`${from}.${output} cannot be connected to ${to}.${input}`);
    return this.edit(() => doc);
  }
}

/** The graph that everybody begins with. */
export function textToImage(): Builder & { ids: Record<string, NodeId> } {
  const b = new Builder();
  const loader = b.node("CheckpointLoaderSimple");
  const positive = b.node("CLIPTextEncode", 400, 0);
  const negative = b.node("CLIPTextEncode", 400, 300);
  const latent = b.node("EmptyLatentImage", 400, 600);
  const sampler = b.node("KSampler", 800, 0);
  const decode = b.node("VAEDecode", 1200, 0);
  const save = b.node("SaveImage", 1500, 0);
  b.link(loader, "CLIP", positive, "clip").link(loader, "CLIP", negative, "clip");
  b.link(loader, "MODEL", sampler, "model").link(positive, "CONDITIONING", sampler, "positive");
  b.link(negative, "CONDITIONING", sampler, "negative").link(latent, "LATENT", sampler, "latent_image");
  b.link(sampler, "LATENT", decode, "samples").link(loader, "VAE", decode, "vae").link(decode, "IMAGE", save, "images");
  return Object.assign(b, { ids: { loader, positive, negative, latent, sampler, decode, save } });
}

const TYPES = [
  ...["CheckpointLoaderSimple", "CLIPTextEncode", "KSampler", "VAEDecode", "SaveImage", "EmptyLatentImage"],
  ...["LoraLoader", "ImageScale", "Reroute", "PrimitiveNode", "Note", "ZzResize", "ZzBatch", "LoadImage"],
];

type Pick = (count: number) => number;
type Edit = (at: Place, pick: Pick) => Document;

/** Every kind of edit; `pick` chooses among what is there. */
const EDITS: Readonly<Record<string, Edit>> = {
  add2: (at, pick) => addNode(at, TYPES[pick(TYPES.length)]!, [pick(2000), pick(2000)]).doc,
  add: (at, pick) => addNode(at, TYPES[pick(TYPES.length)]!, [pick(2000), pick(2000)]).doc,
  connect: (at, pick) => {
    const node = ids(at)[pick(ids(at).length)] ?? "";
    const from = { node, slot: pick(graphOf(at).nodes.get(node)?.outputs.length ?? 0) };
    const fitting = partnersOf(at, { ...from, side: "output", type: "" });
    const to = fitting[pick(fitting.length)];
    return to ? connect(at, from, to) : at.doc;
  },
  connectAny: (at, pick) => connect(at, end(at, pick), end(at, pick)),
  disconnect: (at, pick) => disconnect(at, some([...graphOf(at).links.keys()], pick)),
  remove: (at, pick) => removeNodes(at, some(ids(at), pick)),
  dissolve: (at, pick) => dissolve(at, some(ids(at), pick)),
  move: (at, pick) => moveNodes(at, new Map(some(ids(at), pick).map((id) => [id, [pick(999), pick(999)]]))),
  value: (at, pick) => randomValue(at, pick),
  title: (at, pick) => each(at, pick, (here, id) => setTitle(here, id, pick(2) ? "" : `t${pick(9)}`)),
  color: (at, pick) => setColor(at, some(ids(at), pick), pick(2) ? "#123" : undefined),
  collapse: (at, pick) => toggleFlag(at, some(ids(at), pick), pick(2) ? "collapsed" : "pinned"),
  mode: (at, pick) => toggleMode(at, some(ids(at), pick), pick(2) ? MUTED : BYPASSED),
  front: (at, pick) => toFront(at, some(ids(at), pick)),
  duplicate: (at, pick) => duplicate(at, { nodes: some(ids(at), pick) }, [9, 9], pick(2) > 0).doc,
  paste: (at, pick) => paste(at, pasteable(copy(at, { nodes: some(ids(at), pick) }))!, [pick(99), 0], true).doc,
  group: (at, pick) => addGroup(at, "g", some(ids(at), pick)),
  moveGroup: (at, pick) => {
    const group = graphOf(at).groups[pick(graphOf(at).groups.length)];
    return group ? moveGroup(at, group.id, [pick(50), 7], contents(at, group)) : at.doc;
  },
  ungroup: (at, pick) =>
    removeGroups(
      at,
      some(
        graphOf(at).groups.map((group) => group.id),
        pick,
      ),
    ),
  bend: (at, pick) => addBend(at, [...graphOf(at).links.keys()][pick(graphOf(at).links.size)] ?? "", [pick(99), 1]),
  unbend: (at, pick) => removeBend(at, [...graphOf(at).bends.keys()][pick(graphOf(at).bends.size)] ?? ""),
  reroute: (at, pick) => addReroute(at, [...graphOf(at).links.keys()][pick(graphOf(at).links.size)] ?? "", [1, 1]).doc,
  insert: (at, pick) =>
    insertOnLink(
      at,
      ids(at)[pick(ids(at).length)] ?? "",
      [...graphOf(at).links.keys()][pick(graphOf(at).links.size)] ?? "",
    ),
  align: (at, pick) => align(at, some(ids(at), pick), pick(2) ? "left" : "middle"),
  distribute: (at, pick) => distribute(at, some(ids(at), pick), pick(2) as 0 | 1),
  layout: (at) => layOut(at),
  subgraph: (at, pick) => makeSubgraph(at, some(ids(at), pick), "sub").doc,
  unpack: (at, pick) => {
    const hosts = [...graphOf(at).nodes.values()].filter((node) => at.doc.definitions.has(node.type));
    return unpack(at, hosts[pick(hosts.length)]?.id ?? "").doc;
  },
  socket: (at, pick) =>
    each(at, pick, (here, id) => showSocket(here, id, widgetsAt(here, id)[0]?.name ?? "", pick(2) > 0)),
  reset: (at, pick) => each(at, pick, (here, id) => resetValue(here, id, one(widgetsAt(here, id), pick)?.name ?? "")),
  resize: (at, pick) => each(at, pick, (here, id) => resizeNode(here, id, [100 + pick(900), pick(900)])),
  fitGroup: (at, pick) => fitGroup(at, one(graphOf(at).groups, pick)?.id ?? ""),
  twins: (at, pick) => {
    const dragged = [...some(ids(at), pick), ...graphOf(at).groups.map((group) => `group:${group.id}`)];
    return twinsOf(at, dragged, carriedBy(at, dragged)).doc;
  },
  inside: (at, pick) => {
    const levels = [...at.doc.definitions.keys()];
    const inner = levels[pick(levels.length)];
    return inner === undefined ? at.doc : INSIDE[pick(INSIDE.length)]!({ ...at, level: inner }, pick);
  },
};

/** What is done to a subgraph from its inside. */
const INSIDE: readonly Edit[] = [
  (at, pick) => removeBorderSlot(at, side(pick), pick(4)),
  (at, pick) => renameBorderSlot(at, side(pick), pick(4), `name${pick(3)}`),
  (at, pick) => {
    const which = side(pick);
    const count = definitionOf(at)?.[which].length ?? 0;
    return count ? moveBorderSlot(at, which, pick(count), pick(count)) : at.doc;
  },
  (at, pick) => connectNewBorderSlot(at, side(pick), end(at, pick)),
  (at, pick) => each(at, pick, (here, id) => exposeWidget(here, id, one(widgetsAt(here, id), pick)?.name ?? "")),
  (at, pick) => each(at, pick, (here, id) => hideWidget(here, id, one(widgetsAt(here, id), pick)?.name ?? "")),
  (at, pick) => removeNodes(at, some(ids(at), pick)),
  (at, pick) => duplicate(at, { nodes: some(ids(at), pick) }, [9, 9]).doc,
  (at, pick) => makeSubgraph(at, some(ids(at), pick), "inner").doc,
  (at, pick) => renameSubgraph(at, at.level, `sub${pick(5)}`),
  (at, pick) => randomValue(at, pick),
];

function side(pick: Pick): Side {
  return pick(2) ? "inputs" : "outputs";
}

function one<T>(all: readonly T[], pick: Pick): T | undefined {
  return all[pick(all.length)];
}

function ids(at: Place): NodeId[] {
  return [...graphOf(at).nodes.keys()];
}

function some<T>(all: readonly T[], pick: Pick): T[] {
  return all.filter(() => pick(3) === 0);
}

function each(at: Place, pick: Pick, change: (at: Place, id: NodeId) => Document): Document {
  const id = ids(at)[pick(ids(at).length)];
  return id === undefined ? at.doc : change(at, id);
}

function end(at: Place, pick: Pick): { node: NodeId; slot: number } {
  return { node: ids(at)[pick(ids(at).length)] ?? "", slot: pick(6) };
}

function randomValue(at: Place, pick: Pick): Document {
  return each(at, pick, (here, id) => {
    const widgets = widgetsAt(here, id);
    const widget = widgets[pick(widgets.length)];
    if (!widget || widget.role !== "value") return here.doc;
    const { choices, widget: kind } = widget.input;
    const values: Json[] = choices.length ? [...choices] : kind === "toggle" ? [true, false] : [pick(100)];
    const value = values[pick(values.length)]!;
    return setValue(here, id, widget.name, kind === "text" || kind === "longtext" ? String(value) : value);
  });
}

export interface Step {
  readonly name: string;
  readonly picks: readonly number[];
}

export const steps = (most: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      name: fc.constantFrom(...Object.keys(EDITS)),
      picks: fc.array(fc.nat(9999), { minLength: 4, maxLength: 12, size: "max" }),
    }),
    { maxLength: most, size: "max" },
  );

export function apply(at: Place, { name, picks }: Step): Document {
  let next = 0;
  const pick: Pick = (count) => (count > 0 ? (picks[next++ % Math.max(1, picks.length)] ?? 0) % count : 0);
  return EDITS[name]!(at, pick);
}
