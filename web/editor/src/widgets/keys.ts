/** Keys pressed in a field are the field's; only commands that mean nothing to a text go on to the editor. */

interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const TEXT_KEYS = new Set(["a", "c", "v", "x", "z", "y", "b", "i", "backspace", "delete", "home", "end"]);

export function isFieldKey({ key, ctrlKey, metaKey, altKey }: KeyPress): boolean {
  if (/^F\d+$/.test(key)) return false;
  if (!ctrlKey && !metaKey) return !(altKey && key.length === 1);
  return TEXT_KEYS.has(key.toLowerCase()) || key.startsWith("Arrow");
}

export function keepKeys(event: KeyPress & { stopPropagation(): void }): void {
  if (isFieldKey(event)) event.stopPropagation();
}

let count = 0;

/** An id for one gesture at one widget: all that is changed under it is one undo entry. */
export function newGesture(nodeId: string, name: string): string {
  return `${nodeId}/${name}/${++count}`;
}
