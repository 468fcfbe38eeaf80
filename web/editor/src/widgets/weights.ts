/** Ctrl+Up and Ctrl+Down in a prompt: more or less weight for the selected words, `(a red apple:1.1)`. */

export interface Selected {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const STEP = 0.05;
const WEIGHTED = /^\((.*):(-?\d*\.?\d+)\)$/s;
const WORD = /[^\s,()<>[\]{}:]/;

/** With the weight of the selection, or of the word at the cursor, changed by so many steps. */
export function weigh(selected: Selected, steps: number): Selected {
  const { text } = selected;
  const [start, end] = reach(selected);
  if (start === end) return selected;
  const part = text.slice(start, end);
  const found = WEIGHTED.exec(part);
  const inner = found ? found[1]! : part;
  const weight = Math.round(((found ? Number(found[2]) : 1) + steps * STEP) * 100) / 100;
  const now = weight === 1 ? inner : `(${inner}:${weight.toFixed(2).replace(/0$/, "")})`;
  return { text: text.slice(0, start) + now + text.slice(end), start, end: start + now.length };
}

/** The selection without spaces around it, with the parentheses and the weight that it is in. */
function reach({ text, start, end }: Selected): [number, number] {
  let [from, to] = [start, end];
  if (from === to) {
    while (from > 0 && WORD.test(text[from - 1]!)) from -= 1;
    while (to < text.length && WORD.test(text[to]!)) to += 1;
  }
  while (from < to && /\s/.test(text[from]!)) from += 1;
  while (to > from && /\s/.test(text[to - 1]!)) to -= 1;
  const after = /^:-?\d*\.?\d+\)/.exec(text.slice(to));
  return after && text[from - 1] === "(" ? [from - 1, to + after[0].length] : [from, to];
}
