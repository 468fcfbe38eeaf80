import { describe, expect, it } from "vitest";
import { addNode, dissolve, insertOnLink, removeNodes } from "../src/edit/nodes";
import { partnersOf } from "../src/canvas/fits";
import { clearInput, compatible, connect, linkInto, refusal, sourceType } from "../src/edit/links";
import { graphOf } from "../src/edit/place";
import { setValue, showSocket, isSocket } from "../src/edit/values";
import { Builder, textToImage } from "./building";

const slotOf = (b: Builder, id: string, name: string) =>
  graphOf(b.at)
    .nodes.get(id)!
    .inputs.findIndex((slot) => slot.name === name);

describe("what may be connected", () => {
  it.each([
    ["MODEL", "MODEL", true],
    ["MODEL", "CLIP", false],
    ["*", "CLIP", true],
    ["MODEL", "*", true],
    ["IMAGE", "IMAGE,MASK", true],
    ["IMAGE, LATENT", "LATENT", true],
    ["INT", "IMAGE,MASK", false],
  ])("%s to %s: %s", (source, target, yes) => expect(compatible(source, target)).toBe(yes));

  it("is refused with the reason", () => {
    const b = textToImage();
    const { loader, sampler, decode, latent } = b.ids as Record<string, string>;
    expect(refusal(b.at, { node: loader!, slot: 0 }, { node: sampler!, slot: 1 })).toBe("type");
    expect(refusal(b.at, { node: loader!, slot: 9 }, { node: sampler!, slot: 0 })).toBe("absent");
    expect(refusal(b.at, { node: "none", slot: 0 }, { node: sampler!, slot: 0 })).toBe("absent");
    const encode = b.node("VAEEncode");
    b.link(decode!, "IMAGE", encode, "pixels");
    expect(refusal(b.at, { node: encode, slot: 0 }, { node: sampler!, slot: 3 })).toBe("cycle");
    expect(refusal(b.at, { node: latent!, slot: 0 }, { node: sampler!, slot: 3 })).toBeNull();
    const primitive = b.node("PrimitiveNode");
    expect(refusal(b.at, { node: primitive, slot: 0 }, { node: sampler!, slot: 0 })).toBe("widget");
  });

  it("goes through reroutes, both ways", () => {
    const b = textToImage();
    const reroute = b.node("Reroute");
    b.link(b.ids.loader!, "MODEL", reroute, "");
    expect(sourceType(graphOf(b.at), { node: reroute, slot: 0 })).toBe("MODEL");
    expect(refusal(b.at, { node: reroute, slot: 0 }, { node: b.ids.decode!, slot: 1 })).toBe("type");
    const loose = b.node("Reroute");
    b.edit((at) => connect(at, { node: loose, slot: 0 }, { node: b.ids.decode!, slot: 1 }));
    expect(refusal(b.at, { node: b.ids.loader!, slot: 0 }, { node: loose, slot: 0 })).toBe("type");
    expect(refusal(b.at, { node: b.ids.loader!, slot: 2 }, { node: loose, slot: 0 })).toBeNull();
  });

  it("is listed, for who connects by keyboard", () => {
    const b = textToImage();
    const found = partnersOf(b.at, { node: b.ids.latent!, slot: 0, side: "output", type: "" });
    const shown = found.map(({ node, slot }) => graphOf(b.at).nodes.get(node)!.inputs[slot]!.name);
    expect(shown).toEqual(["latent_image", "samples"]);
  });
});

describe("connecting", () => {
  it("replaces the link of an input, and keeps those of the output", () => {
    const b = textToImage();
    const other = b.node("EmptyLatentImage");
    const count = graphOf(b.at).links.size;
    b.link(other, "LATENT", b.ids.sampler!, "latent_image");
    expect(graphOf(b.at).links.size).toBe(count);
    expect(linkInto(graphOf(b.at), { node: b.ids.sampler!, slot: 3 })?.from).toBe(other);
  });

  it("twice is nothing new", () => {
    const b = textToImage();
    const doc = connect(b.at, { node: b.ids.latent!, slot: 0 }, { node: b.ids.sampler!, slot: 3 });
    expect(doc).toBe(b.doc);
  });

  it("gives a primitive the value of its widget", () => {
    const b = textToImage();
    const primitive = b.node("PrimitiveNode");
    b.edit((at) => setValue(at, b.ids.sampler!, "steps", 33));
    b.edit((at) =>
      connect(at, { node: primitive, slot: 0 }, { node: b.ids.sampler!, slot: slotOf(b, b.ids.sampler!, "steps") }),
    );
    const node = graphOf(b.at).nodes.get(primitive)!;
    expect([node.values.value, node.outputs[0]!.type, node.outputs[0]!.widget]).toEqual([33, "INT", "steps"]);
  });

  it("makes room in inputs that grow", () => {
    const b = new Builder();
    const [image, batch] = [b.node("LoadImage"), b.node("ZzBatch")];
    for (const i of [0, 1, 2]) b.link(image, "IMAGE", batch, `images.image${i}`);
    expect(
      graphOf(b.at)
        .nodes.get(batch)!
        .inputs.map((slot) => slot.name),
    ).toContain("images.image3");
  });
});

describe("nodes between others", () => {
  it("go into a link", () => {
    const b = textToImage();
    const scale = b.node("ImageScale");
    const link = linkInto(graphOf(b.at), { node: b.ids.save!, slot: 0 })!;
    b.edit((at) => insertOnLink(at, scale, link.id));
    expect(linkInto(graphOf(b.at), { node: b.ids.save!, slot: 0 })?.from).toBe(scale);
    expect(linkInto(graphOf(b.at), { node: scale, slot: 0 })?.from).toBe(b.ids.decode);
  });

  it("stay outside where they do not fit", () => {
    const b = textToImage();
    const text = b.node("CLIPTextEncode");
    const link = linkInto(graphOf(b.at), { node: b.ids.save!, slot: 0 })!;
    expect(insertOnLink(b.at, text, link.id)).toBe(b.doc);
  });

  it("leave what they stood between connected", () => {
    const b = textToImage();
    const lora = b.node("LoraLoader");
    b.link(b.ids.loader!, "MODEL", lora, "model").link(b.ids.loader!, "CLIP", lora, "clip");
    b.link(lora, "MODEL", b.ids.sampler!, "model").link(lora, "CLIP", b.ids.positive!, "clip");
    b.edit((at) => dissolve(at, [lora]));
    expect(linkInto(graphOf(b.at), { node: b.ids.sampler!, slot: 0 })?.from).toBe(b.ids.loader);
    expect(linkInto(graphOf(b.at), { node: b.ids.positive!, slot: 0 })).toMatchObject({
      from: b.ids.loader,
      fromSlot: 1,
    });
  });

  it("take their links along when they go", () => {
    const b = textToImage();
    b.edit((at) => removeNodes(at, [b.ids.sampler!]));
    expect([...graphOf(b.at).links.values()].some((l) => l.to === b.ids.sampler || l.from === b.ids.sampler)).toBe(
      false,
    );
    expect(removeNodes(b.at, ["none"])).toBe(b.doc);
  });
});

describe("values", () => {
  it("keep the document where nothing changes", () => {
    const b = textToImage();
    expect(setValue(b.at, b.ids.sampler!, "steps", 20)).toBe(b.doc);
    expect(setValue(b.at, "none", "steps", 20)).toBe(b.doc);
  });

  it("bring the sockets of the chosen option, and take the others with their links", () => {
    const b = new Builder();
    const [image, resize] = [b.node("LoadImage"), b.node("ZzResize")];
    b.edit((at) => setValue(at, resize, "resize_type", "match"));
    b.link(image, "IMAGE", resize, "resize_type.match").link(image, "IMAGE", resize, "input");
    b.edit((at) => setValue(at, resize, "resize_type", "dimensions"));
    const node = graphOf(b.at).nodes.get(resize)!;
    expect(node.inputs.map((slot) => slot.name)).not.toContain("resize_type.match");
    expect(node.values["resize_type.width"]).toBe(512);
    expect([...graphOf(b.at).links.values()].map((link) => node.inputs[link.toSlot]!.name)).toEqual(["input"]);
  });

  it("may be given by a socket instead, until it is turned back", () => {
    const b = textToImage();
    const int = b.node("PrimitiveInt");
    b.edit((at) => showSocket(at, b.ids.sampler!, "steps", true));
    expect(isSocket(graphOf(b.at).nodes.get(b.ids.sampler!)!, "steps")).toBe(true);
    b.link(int, "INT", b.ids.sampler!, "steps");
    b.edit((at) => showSocket(at, b.ids.sampler!, "steps", false));
    expect(isSocket(graphOf(b.at).nodes.get(b.ids.sampler!)!, "steps")).toBe(false);
    expect(linkInto(graphOf(b.at), { node: b.ids.sampler!, slot: slotOf(b, b.ids.sampler!, "steps") })).toBeUndefined();
    expect(clearInput(b.at, { node: b.ids.sampler!, slot: 8 })).toBe(b.doc);
  });

  it("of a new node are the defaults, or what was given", () => {
    const b = new Builder();
    const id = b.make((at) => addNode(at, "KSampler", [0, 0], { steps: 5 }));
    expect(graphOf(b.at).nodes.get(id)!.values).toMatchObject({
      steps: 5,
      cfg: 8,
      control_after_generate: "randomize",
    });
  });
});
