/** Every widget on one page, to look at: `npx vite`, then /src/widgets/demo.html?theme=light. It is not shipped. */

import { useState } from "react";
import { createRoot } from "react-dom/client";
import { setLanguage } from "../i18n";
import { readInputs } from "../model/nodes";
import type { Json, JsonObject } from "../model/types";
import type { Role } from "../model/widgets";
import "../theme.css";
import { MarkdownNote, Tooltips, Widget } from ".";
import { socketColor, socketShape } from "./sockets";

const MODELS = Array.from({ length: 5000 }, (_, i) => `folder${i % 40}/some_model_name_v${i}.safetensors`);

interface Case {
  readonly input: readonly [Json, JsonObject];
  readonly value?: Json;
  readonly role?: Role;
  readonly problem?: string;
  readonly disabled?: boolean;
}

const NUMBERS: Readonly<Record<string, Case>> = {
  width: { input: ["INT", { default: 512, min: 16, max: 16384, step: 8, tooltip: "In pixels." }] },
  cfg: { input: ["FLOAT", { default: 8, min: 0, max: 30, step: 0.1, round: 0.01, tooltip: "How strongly." }] },
  denoise: { input: ["FLOAT", { default: 1, min: 0, max: 1, step: 0.01 }], value: 0.45 },
  strength: { input: ["FLOAT", { min: 0, max: 2, step: 0.05, display: "slider" }], value: 0.8 },
  seed: { input: ["INT", { min: 0, max: 18446744073709551615n }], value: 12345678901234567890n },
  control: { input: ["INT", {}], role: "control", value: "randomize" },
  steps: { input: ["INT", { min: 1, max: 100 }], value: 200, problem: "200 is more than the largest value, 100" },
  linked: { input: ["FLOAT", { min: 0, max: 1 }], value: 0.5, disabled: true },
};

const MENUS: Readonly<Record<string, Case>> = {
  sampler_name: { input: [["euler", "euler_ancestral", "dpmpp_2m", "uni_pc"], { tooltip: "The method." }] },
  ckpt_name: { input: [MODELS, {}], value: MODELS[2345]! },
  lora_name: { input: [MODELS.slice(0, 10), {}], value: "folder/gone.safetensors" },
  tiling: { input: ["BOOLEAN", { default: true }] },
  add_noise: { input: ["BOOLEAN", { default: false, label_on: "enable", label_off: "disable" }] },
  a_name_that_is_far_too_long_for_its_place: { input: ["STRING", { placeholder: "one line" }] },
  color: { input: ["INT", { display: "color" }], value: 0xdc9566 },
};

const TEXTS: Readonly<Record<string, Case>> = {
  text: { input: ["STRING", { multiline: true }], value: "a red apple on a wooden table, soft light, (detailed:1.2)" },
  negative: { input: ["STRING", { multiline: true, placeholder: "what it should not show" }], value: "" },
  image: { input: [["apple.png", "pear.png"], { image_upload: true }], value: "apple.png" },
  voice: { input: ["AUDIO_RECORD", {}] },
};

const NOTE = `# A note
Some **bold**, *light*, ~~gone~~ and \`code\` text with [a link](https://example.org).

- one
- [x] done
  1. first
  2. second

> said

| a | b |
|---|---|
| 1 | 2 |

\`\`\`
plain
\`\`\``;

function Shown({ name, item }: { readonly name: string; readonly item: Case }) {
  const def = readInputs({ required: { [name]: [...item.input] } })[0]!;
  const [value, setValue] = useState<Json>(item.value ?? def.default);
  const extra = {
    ...(item.role ? { role: item.role } : {}),
    ...(item.problem ? { problem: item.problem } : {}),
    ...(item.disabled ? { disabled: true } : {}),
  };
  return <Widget def={def} name={name} value={value} onChange={setValue} nodeId="1" {...extra} />;
}

function Column({ cases }: { readonly cases: Readonly<Record<string, Case>> }) {
  return (
    <section
      style={{
        display: "grid",
        gap: 6,
        width: 300,
        padding: 12,
        border: "1px solid var(--line)",
        borderRadius: "var(--radius)",
        background: "var(--bg-raised)",
        alignContent: "start",
      }}
    >
      {Object.entries(cases).map(([name, item]) => (
        <Shown key={name} name={name} item={item} />
      ))}
    </section>
  );
}

const TYPES =
  "MODEL CLIP VAE CONDITIONING LATENT IMAGE MASK CONTROL_NET CLIP_VISION CLIP_VISION_OUTPUT STYLE_MODEL UPSCALE_MODEL GLIGEN HOOKS NOISE GUIDER SAMPLER SIGMAS AUDIO VIDEO INT FLOAT STRING BOOLEAN COMBO *".split(
    " ",
  );

function Sockets() {
  return (
    <section style={{ background: "var(--bg-raised)", padding: 12, fontSize: 13 }}>
      {TYPES.map((type) => (
        <div key={type} style={{ display: "flex", gap: 8, alignItems: "center" }}>
          <span
            style={{
              width: 12,
              height: 12,
              background: socketColor(type),
              clipPath: `var(--shape-${socketShape(type)})`,
            }}
          />
          {type}
        </div>
      ))}
    </section>
  );
}

function Demo() {
  const [note, setNote] = useState(NOTE);
  return (
    <main style={{ display: "flex", gap: 16, padding: 16, alignItems: "start" }}>
      <Column cases={NUMBERS} />
      <Column cases={MENUS} />
      <Column cases={TEXTS} />
      <section style={{ width: 260, padding: 12, background: "var(--bg-raised)", borderRadius: 7 }}>
        <MarkdownNote nodeId="n" value={note} onChange={setNote} />
      </section>
      <Sockets />
      <Tooltips />
    </main>
  );
}

const query = new URLSearchParams(location.search);
document.documentElement.dataset.theme = query.get("theme") ?? "dark";
setLanguage(query.get("language") === "zh-CN" ? "zh-CN" : "en");
createRoot(document.getElementById("root")!).render(<Demo />);
