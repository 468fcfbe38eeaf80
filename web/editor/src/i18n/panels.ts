import type { Part } from ".";

export const panels = {} as const satisfies Part;
