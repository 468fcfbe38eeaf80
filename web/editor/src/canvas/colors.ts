/** The colours that nodes and groups are offered: those that the files of the standard have. */

import type { Key } from "../i18n";

export interface Paint {
  readonly name: Key;
  readonly title: string;
  readonly body: string;
  readonly group: string;
}

export const PAINTS: readonly Paint[] = [
  { name: "canvas.paint.red", title: "#322", body: "#533", group: "#A88" },
  { name: "canvas.paint.brown", title: "#332922", body: "#593930", group: "#b06634" },
  { name: "canvas.paint.yellow", title: "#432", body: "#653", group: "#b58b2a" },
  { name: "canvas.paint.green", title: "#232", body: "#353", group: "#8A8" },
  { name: "canvas.paint.cyan", title: "#233", body: "#355", group: "#8AA" },
  { name: "canvas.paint.paleBlue", title: "#2a363b", body: "#3f5159", group: "#3f789e" },
  { name: "canvas.paint.blue", title: "#223", body: "#335", group: "#88A" },
  { name: "canvas.paint.purple", title: "#323", body: "#535", group: "#a1309b" },
  { name: "canvas.paint.black", title: "#222", body: "#000", group: "#444" },
];
