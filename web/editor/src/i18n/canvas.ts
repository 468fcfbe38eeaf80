import type { Part } from ".";

export const canvas = {
  linked: ["Comes through a link", "来自连线"],
  more: ["{count} more", "还有 {count} 项"],
  fewer: ["Show less", "收起"],
} as const satisfies Part;
