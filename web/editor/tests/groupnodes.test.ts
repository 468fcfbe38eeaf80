import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { setValue, widgetsAt } from "../src/edit/values";
import { withoutGroupNodes } from "../src/model/groupnodes";
import { missing } from "../src/model/missing";
import { read } from "../src/model/read";
import type { JsonObject } from "../src/model/types";
import { write } from "../src/model/write";
import { place } from "./building";
import { defs, info, names, workflow } from "./conformance";

const SCRIPT = fileURLToPath(new URL("oracle.py", import.meta.url));

function flattened(docs: readonly JsonObject[]): unknown {
  return JSON.parse(
    execFileSync(process.env.PYTHON ?? "python3", [SCRIPT], { input: JSON.stringify([info, docs]) }).toString(),
  );
}

const socket = (name: string, type: string) => ({ name, type, link: null });
const widget = (name: string, type: string) => ({ ...socket(name, type), widget: { name } });

/** Two text encoders, a sampler and a decoder in one node, as the editor of 2024 saved it. */
const RAW: JsonObject = {
  version: 0.4,
  last_node_id: 40,
  last_link_id: 4,
  nodes: [
    {
      id: 1,
      type: "CheckpointLoaderSimple",
      outputs: [
        { name: "MODEL", type: "MODEL", links: [1] },
        { name: "CLIP", type: "CLIP", links: [2] },
        { name: "VAE", type: "VAE", links: [3] },
      ],
      widgets_values: ["m.safetensors"],
    },
    {
      id: 37,
      type: "workflow>Sampling",
      pos: [300, 100],
      inputs: [
        socket("clip", "CLIP"),
        socket("CLIPTextEncode clip", "CLIP"),
        socket("model", "MODEL"),
        socket("latent_image", "LATENT"),
        socket("vae", "VAE"),
        widget("prompt", "STRING"),
      ].map((slot, i) => ({ ...slot, link: [2, 2, 1, null, 3, null][i]! })),
      outputs: [{ name: "IMAGE", type: "IMAGE", links: [4] }],
      widgets_values: ["a cat", "a dog", 7, "fixed", 12, 5, "heun", "karras", 0.5],
    },
    { id: 38, type: "SaveImage", inputs: [{ name: "images", type: "IMAGE", link: 4 }], widgets_values: ["x"] },
  ],
  links: [
    [1, 1, 0, 37, 2, "MODEL"],
    [2, 1, 1, 37, 0, "CLIP"],
    [3, 1, 2, 37, 4, "VAE"],
    [4, 37, 0, 38, 0, "IMAGE"],
  ],
  extra: {
    groupNodes: {
      Sampling: {
        nodes: [
          {
            type: "CLIPTextEncode",
            inputs: [socket("clip", "CLIP"), widget("text", "STRING")],
            outputs: [{ name: "CONDITIONING", type: "CONDITIONING" }],
            widgets_values: ["p"],
            index: 0,
          },
          {
            type: "CLIPTextEncode",
            inputs: [socket("clip", "CLIP")],
            outputs: [{ name: "CONDITIONING", type: "CONDITIONING" }],
            widgets_values: ["n"],
            index: 1,
          },
          {
            type: "KSampler",
            inputs: [
              ["model", "MODEL"],
              ["positive", "CONDITIONING"],
              ["negative", "CONDITIONING"],
              ["latent_image", "LATENT"],
            ].map(([n, t]) => socket(n!, t!)),
            outputs: [{ name: "LATENT", type: "LATENT" }],
            widgets_values: [1, "randomize", 20, 8, "euler", "normal", 1],
            index: 2,
          },
          {
            type: "VAEDecode",
            inputs: [socket("samples", "LATENT"), socket("vae", "VAE")],
            outputs: [{ name: "IMAGE", type: "IMAGE" }],
            index: 3,
          },
        ],
        links: [
          [0, 0, 2, 1, 1, "CONDITIONING"],
          [1, 0, 2, 2, 2, "CONDITIONING"],
          [2, 0, 3, 0, 3, "LATENT"],
          [null, 0, 0, 0, 9, "CLIP"],
        ],
        external: [[3, 0, "IMAGE"]],
        config: { "0": { input: { text: { name: "prompt" } } } },
      },
    },
  },
};

const converted = read(RAW, defs);

it("a group node becomes a subgraph that runs the same, with the same ids", () => {
  expect(flattened([write(converted, defs)])).toEqual(flattened([RAW]));
  expect(flattened([write(converted, defs, 1)])).toEqual(flattened([RAW]));
});

it("has its values by name, to be changed", () => {
  const host = converted.root.nodes.get("45")!;
  expect(host.values).toMatchObject({ prompt: "a cat", text: "a dog", seed: 7, steps: 12, sampler_name: "heun" });
  expect(widgetsAt(place(converted), "45").map((one) => one.name)).toContain("denoise");
  const doc = setValue(place(converted), "45", "steps", 33);
  const [api] = flattened([write(doc, defs)]) as [Record<string, { inputs: JsonObject }>];
  expect(api["45:43"]!.inputs.steps).toBe(33);
  expect(missing(converted, defs).types).toEqual([]);
});

it("is all that changes in a file", () => {
  for (const name of names) {
    const raw = workflow(name);
    expect(withoutGroupNodes(raw, defs)).toBe(raw);
  }
});
