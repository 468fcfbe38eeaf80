/** The colour and the shape of a socket type. The colours are in `theme.css`; a type without one has the default. */

export type SocketShape = "circle" | "hexagon" | "square" | "diamond" | "triangle" | "pentagon" | "bar" | "cross";

const FAMILIES: Readonly<Record<Exclude<SocketShape, "cross">, readonly string[]>> = {
  /** networks */
  hexagon: [
    "MODEL",
    "CLIP",
    "VAE",
    "CONTROL_NET",
    "CLIP_VISION",
    "STYLE_MODEL",
    "UPSCALE_MODEL",
    "GLIGEN",
    "LORA_MODEL",
  ],
  /** pictures */
  square: ["IMAGE", "MASK", "VIDEO"],
  diamond: ["LATENT"],
  /** what steers */
  triangle: ["CONDITIONING", "CLIP_VISION_OUTPUT", "HOOKS"],
  /** how it is sampled */
  pentagon: ["NOISE", "GUIDER", "SAMPLER", "SIGMAS"],
  bar: ["AUDIO"],
  /** plain values */
  circle: ["INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"],
};

const SHAPES = new Map<string, SocketShape>(
  (Object.entries(FAMILIES) as [SocketShape, readonly string[]][]).flatMap(([shape, types]) =>
    types.map((type) => [type, shape] as const),
  ),
);

/** A type that takes several ("IMAGE,MASK") looks like the first of them; what takes anything is a cross. */
export function socketShape(type: string): SocketShape {
  if (type === "*") return "cross";
  return SHAPES.get(first(type)) ?? "circle";
}

export function socketColor(type: string): string {
  const name = first(type);
  return /^\w+$/.test(name) ? `var(--socket-${name}, var(--socket-default))` : "var(--socket-default)";
}

function first(type: string): string {
  return type.split(",", 1)[0]!.trim();
}
