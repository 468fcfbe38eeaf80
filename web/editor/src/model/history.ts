/** Undo as a list of documents: they share what they have in common, so that the list may be as long as it likes. */

import type { Document } from "./types";

export interface History {
  readonly past: Chain | undefined;
  readonly present: Document;
  readonly future: Chain | undefined;
  /** The gesture that the last entry belongs to: what it changes next joins that entry. */
  readonly gesture: string | undefined;
}

/** A linked list: an entry costs the same however long the list is. */
interface Chain {
  readonly doc: Document;
  readonly rest: Chain | undefined;
}

export function begin(doc: Document): History {
  return { past: undefined, present: doc, future: undefined, gesture: undefined };
}

export function present(history: History): Document {
  return history.present;
}

/** gesture: all changes with one name, one after the other, are undone together; without a name each for itself. */
export function record(history: History, doc: Document, gesture?: string): History {
  if (doc === history.present) return history;
  const joins = gesture !== undefined && gesture === history.gesture && history.past !== undefined;
  const past = joins ? history.past : { doc: history.present, rest: history.past };
  return { past, present: doc, future: undefined, gesture };
}

/** The gesture is over: what comes next is an entry of its own, even under the same name. */
export function sealed(history: History): History {
  return history.gesture === undefined ? history : { ...history, gesture: undefined };
}

export function canUndo(history: History): boolean {
  return history.past !== undefined;
}

export function canRedo(history: History): boolean {
  return history.future !== undefined;
}

/** One entry back; the same history where there is none. */
export function undone(history: History): History {
  const { past, present, future } = history;
  if (!past) return history;
  return { past: past.rest, present: past.doc, future: { doc: present, rest: future }, gesture: undefined };
}

export function redone(history: History): History {
  const { past, present, future } = history;
  if (!future) return history;
  return { past: { doc: present, rest: past }, present: future.doc, future: future.rest, gesture: undefined };
}
