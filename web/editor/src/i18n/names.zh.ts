/** What the nodes are called in Simplified Chinese: fetched only where that is chosen. */

import type { Names } from ".";
import { CATEGORIES } from "./categories.zh";
import { NODES } from "./nodes.zh";
import { PICTURES } from "./pictures.zh";
import { SOCKETS } from "./sockets.zh";

export const NAMES: Names = { nodes: { ...NODES, ...PICTURES }, categories: CATEGORIES, sockets: SOCKETS };
