import type { Part } from ".";

export const widgets = {
  "color.pick": ["Pick the colour of {name}", "选择{name}的颜色"],
  "seed.random": ["New random seed", "随机新种子"],
} as const satisfies Part;
