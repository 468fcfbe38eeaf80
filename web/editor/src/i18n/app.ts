import type { Part } from ".";

export const app = {} as const satisfies Part;
