import { describe, expect, it } from "vitest";
import * as borders from "../src/edit/borders";
import { linkInto } from "../src/edit/links";
import { graphOf } from "../src/edit/place";
import { makeSubgraph } from "../src/edit/subgraphs";
import { resetValue, setValue, widgetsAt } from "../src/edit/values";
import { defOf } from "../src/model/instances";
import { read } from "../src/model/read";
import { rolled } from "../src/model/seeds";
import { INPUTS } from "../src/model/types";
import { write } from "../src/model/write";
import { Builder, place, textToImage } from "./building";
import { defs, workflow } from "./conformance";

function sampling() {
  const b = textToImage();
  const host = b.make((at) => makeSubgraph(at, [b.ids.sampler!, b.ids.decode!], "sampling"));
  const id = graphOf(b.at).nodes.get(host)!.type;
  return { b, host, id, sampler: b.ids.sampler!, inside: () => new Builder(b.doc, id) };
}

describe("a new subgraph", () => {
  it("takes and gives what its nodes did", () => {
    const { b, host, id } = sampling();
    const definition = b.doc.definitions.get(id)!;
    expect(definition.inputs.map((slot) => slot.name)).toEqual([
      "model",
      "positive",
      "negative",
      "latent_image",
      "vae",
    ]);
    expect(definition.outputs.map((slot) => slot.type)).toEqual(["IMAGE"]);
    const node = graphOf(b.at).nodes.get(host)!;
    expect(node.inputs.map((slot) => slot.name)).toEqual(definition.inputs.map((slot) => slot.name));
    expect(linkInto(graphOf(b.at), { node: b.ids.save!, slot: 0 })?.from).toBe(host);
    expect(graphOf(b.at).nodes.size).toBe(6);
  });

  it("of nothing is nothing", () => {
    const b = textToImage();
    expect(makeSubgraph(b.at, ["none"], "x").doc).toBe(b.doc);
  });

  it("takes a primitive along, or a copy of one that others need", () => {
    const b = textToImage();
    const primitive = b.node("PrimitiveNode");
    b.link(primitive, "connect to widget input", b.ids.sampler!, "steps");
    const host = b.make((at) => makeSubgraph(at, [b.ids.sampler!], "x"));
    const definition = b.doc.definitions.get(graphOf(b.at).nodes.get(host)!.type)!;
    expect([...definition.nodes.keys()]).toContain(primitive);
    expect(graphOf(b.at).nodes.has(primitive)).toBe(false);
  });
});

describe("the border of a subgraph", () => {
  it("shows a widget on all instances, and what is inside until they have their own", () => {
    const { b, host, sampler, inside } = sampling();
    const twin = b.make((at) => ({ ...makeTwin(at, host), nodes: [makeTwin(at, host).nodes[0]!] }));
    const open = inside().edit((at) => borders.exposeWidget(at, sampler, "steps"));
    const at = place(open.doc);
    expect(widgetsAt(at, host).map((widget) => widget.name)).toEqual(["steps"]);
    expect(widgetsAt(at, twin)[0]!.input.default).toBe(20);
    const own = place(setValue(at, host, "steps", 7));
    expect(graphOf(own).nodes.get(host)!.values).toEqual({ steps: 7 });
    expect(graphOf(own).nodes.get(twin)!.values).toEqual({});
    expect(graphOf(place(resetValue(own, host, "steps"))).nodes.get(host)!.values).toEqual({});
    const again = place(read(write(own.doc, defs), defs));
    expect(graphOf(again).nodes.get(host)!.values).toEqual({ steps: 7 });
  });

  it("takes a widget back, with the links and values that it had", () => {
    const { b, host, sampler, inside } = sampling();
    const shown = inside().edit((at) => borders.exposeWidget(at, sampler, "steps"));
    expect(borders.isExposed(shown.at, sampler, "steps")).toBe(true);
    const outside = new Builder(shown.doc);
    const int = outside.node("PrimitiveInt");
    outside.link(int, "INT", host, "steps");
    const count = graphOf(outside.at).links.size;
    const hidden = new Builder(outside.doc, shown.at.level).edit((at) => borders.hideWidget(at, sampler, "steps"));
    expect(graphOf(place(hidden.doc)).links.size).toBe(count - 1);
    expect(
      graphOf(place(hidden.doc))
        .nodes.get(host)!
        .inputs.map((slot) => slot.name),
    ).not.toContain("steps");
    expect(b.doc.definitions.size).toBe(1);
  });

  it("may be renamed and put in another order: links follow", () => {
    const { b, host, inside } = sampling();
    const feeds = (doc: Builder["doc"]) => {
      const graph = graphOf(place(doc));
      const node = graph.nodes.get(host)!;
      return Object.fromEntries(node.inputs.map((s, slot) => [s.name, linkInto(graph, { node: host, slot })?.from]));
    };
    const before = feeds(b.doc);
    const open = inside();
    const index = b.doc.definitions.get(open.at.level)!.inputs.findIndex((slot) => slot.name === "vae");
    open.edit((at) => borders.renameBorderSlot(at, "inputs", index, "decoder"));
    open.edit((at) => borders.moveBorderSlot(at, "inputs", index, 0));
    const { vae, ...rest } = before;
    expect(graphOf(place(open.doc)).nodes.get(host)!.inputs[0]!.name).toBe("decoder");
    expect(feeds(open.doc)).toEqual({ ...rest, decoder: vae });
    const inner = linkInto(graphOf(open.at), { node: b.ids.decode!, slot: 1 });
    expect(inner).toMatchObject({ from: INPUTS, fromSlot: 0 });
  });

  it("gives no two sockets one name", () => {
    const { inside } = sampling();
    const open = inside();
    for (const _ of [1, 2]) open.edit((at) => borders.addBorderSlot(at, "inputs", "extra", "INT"));
    const names = open.doc.definitions.get(open.at.level)!.inputs.map((slot) => slot.name);
    expect(names.slice(-2)).toEqual(["extra", "extra_1"]);
    expect(new Set(names).size).toBe(names.length);
    open.edit((at) => borders.renameSubgraph(at, at.level, " new "));
    expect(open.doc.definitions.get(open.at.level)!.name).toBe("new");
  });
});

describe("instances in files", () => {
  it("give values to widgets that no input leads to", () => {
    const doc = read(workflow("syn_sub_proxy_unexposed_first"), defs);
    const host = [...doc.root.nodes.values()].find((node) => doc.definitions.has(node.type))!;
    expect(host.values).toEqual({ seed: 777, text: "outer pos", steps: 33 });
    const widgets = widgetsAt(place(doc), host.id).map((widget) => widget.name);
    expect(widgets).toEqual(expect.arrayContaining(["text", "steps", "seed"]));
    const changed = setValue(place(doc), host.id, "seed", 5);
    const again = read(write(changed, defs), defs);
    expect(again.root.nodes.get(host.id)!.values).toMatchObject({ seed: 5, text: "outer pos", steps: 33 });
  });

  it("roll their own seeds", () => {
    const { host, sampler, inside } = sampling();
    const open = inside().edit((at) => borders.exposeWidget(at, sampler, "seed"));
    const doc = rolled(open.doc, defs, () => 0.5);
    expect(doc.root.nodes.get(host)!.values.seed).toBeGreaterThan(0);
    expect(doc.definitions.get(open.at.level)!.nodes.get(sampler)!.values.seed).toBe(0);
    const fixed = setValue(place(open.doc), host, "control_after_generate", "fixed");
    expect(rolled(fixed, defs)).toBe(fixed);
  });

  it("show their own values where a type inside is known to nobody", () => {
    const file = workflow("tpl_image_qwen_image_edit_2509_relight");
    const few = new Map([...defs].filter(([type]) => type !== "TextEncodeQwenImageEditPlus"));
    const [whole, lacking] = [defs, few].map((known) => read(file, known).root.nodes.get("10")!.values);
    expect(lacking).toEqual(whole);
    expect(lacking!.seed).toBe(1118877715456453);
  });

  it("may contain themselves, in a broken file: then nothing shows through", () => {
    const raw = workflow("syn_sub_used_twice");
    const broken = JSON.parse(JSON.stringify(raw)) as { definitions: { subgraphs: { id: string; nodes: object[] }[] } };
    const first = broken.definitions.subgraphs[0]!;
    first.nodes.push({ id: 99, type: first.id, inputs: [], outputs: [] });
    const doc = read(broken as never, defs);
    const host = [...doc.root.nodes.values()].find((node) => node.type === first.id)!;
    expect(defOf(doc, host, defs)).toBeDefined();
  });
});

function makeTwin(at: Builder["at"], host: string) {
  const node = graphOf(at).nodes.get(host)!;
  const id = String(graphOf(at).lastNode + 1);
  const graph = graphOf(at);
  const root = { ...graph, nodes: new Map(graph.nodes).set(id, { ...node, id }), lastNode: Number(id) };
  return { doc: { ...at.doc, root }, nodes: [id] };
}
