import type { Part } from ".";

export const commands = {} as const satisfies Part;
