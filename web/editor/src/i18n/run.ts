import type { Part } from ".";

export const run = {} as const satisfies Part;
