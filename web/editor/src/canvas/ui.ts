/** What the canvas shows for a moment: the search, a menu, a link that is being drawn. Nothing of it is saved. */

import { createStore, type Store } from "../app/store";
import type { End } from "../edit/links";
import type { NodeId, Point } from "../model/types";

/** A socket: an output gives, an input takes. */
export interface Socket extends End {
  readonly side: "output" | "input";
  readonly type: string;
}

/** Links that are being drawn: all from one side, to one pointer. */
export interface Drag {
  readonly ends: readonly Socket[];
  /** The links that were taken off for it, by their ids. */
  readonly taken: readonly string[];
  readonly pointer: Point;
  /** The socket under the pointer, if it fits. */
  readonly target?: Socket;
}

export interface PaletteRequest {
  readonly screen: Point;
  /** Where the node will be. */
  readonly flow: Point;
  /** What the new node will be connected to. */
  readonly ends?: readonly Socket[];
  readonly taken?: readonly string[];
}

export interface MenuEntry {
  readonly id: string;
  readonly label: string;
  readonly keys?: string;
  readonly disabled?: boolean;
  readonly checked?: boolean;
  /** A colour to show beside it. */
  readonly swatch?: string;
  readonly children?: readonly MenuEntry[];
  readonly run?: () => void;
}
export type MenuItem = MenuEntry | "line";

export interface MenuRequest {
  readonly screen: Point;
  readonly label: string;
  readonly items: readonly MenuItem[];
}

export interface CanvasUi {
  readonly palette?: PaletteRequest;
  readonly menu?: MenuRequest;
  readonly drag?: Drag;
  /** A socket whose partners are listed, for who connects by keyboard. */
  readonly partners?: { readonly socket: Socket; readonly screen: Point };
  /** Nodes whose optional and advanced inputs are shown. */
  readonly unfolded: ReadonlySet<NodeId>;
  /** The node or group whose title is being written. */
  readonly naming?: string;
  /** There are many nodes and they are small: only their outlines are drawn. */
  readonly far?: boolean;
  readonly cut?: readonly Point[];
  readonly lasso?: readonly Point[];
}

export const ui: Store<CanvasUi> = createStore<CanvasUi>({ unfolded: new Set() });

type Closable = "palette" | "menu" | "drag" | "partners" | "naming" | "cut" | "lasso";

export function close(what: Closable): void {
  ui.set((state) => {
    if (state[what] === undefined) return state;
    const { [what]: _, ...rest } = state;
    return rest as CanvasUi;
  });
}

export function open(what: Partial<CanvasUi>): void {
  ui.set((state) => ({ ...state, ...what }));
}

export function toggleFold(id: NodeId): void {
  ui.set((state) => {
    const unfolded = new Set(state.unfolded);
    if (!unfolded.delete(id)) unfolded.add(id);
    return { ...state, unfolded };
  });
}

export interface Settings {
  readonly snap: boolean;
  /** Undefined: nobody said; then it is there where it helps. */
  readonly minimap?: boolean;
  readonly links: boolean;
}

const KEPT = "mezzotint.canvas";
const DEFAULTS: Settings = { snap: false, links: true };

export const settings: Store<Settings> = createStore<Settings>({ ...DEFAULTS, ...kept() });

export function setSettings(change: Partial<Settings>): void {
  settings.set((state) => ({ ...state, ...change }));
  globalThis.localStorage?.setItem(KEPT, JSON.stringify(settings.get()));
}

function kept(): Partial<Settings> {
  try {
    return JSON.parse(globalThis.localStorage?.getItem(KEPT) ?? "{}") as Partial<Settings>;
  } catch {
    return {};
  }
}
