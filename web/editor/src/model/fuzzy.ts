/** Which entries of a long list fit what was typed, best first: every word must be in it, letters may be left out. */

export interface Found {
  readonly index: number;
  readonly score: number;
}

const START = 8;
const WORD = 6;
const RUN = 4;
const LONGEST_GAP = 24;

/** The indices of the entries that fit; all of them, in their order, for an empty query. */
export function search(query: string, lower: readonly string[]): number[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return lower.map((_, index) => index);
  const found: Found[] = [];
  lower.forEach((entry, index) => {
    const score = scoreAll(words, entry);
    if (score > 0) found.push({ index, score });
  });
  return found.sort((a, b) => b.score - a.score || a.index - b.index).map(({ index }) => index);
}

function scoreAll(words: readonly string[], entry: string): number {
  let total = 0;
  for (const word of words) {
    const score = scoreWord(word, entry);
    if (!score) return 0;
    total += score;
  }
  return total;
}

/** 0: it does not fit. A whole word beats its letters apart; an early one and a short entry win among equals. */
export function scoreWord(word: string, entry: string): number {
  const at = entry.indexOf(word);
  if (at >= 0) {
    const place = at === 0 ? START : isBorder(entry, at) ? WORD : 0;
    return 100 + place + (word.length === entry.length ? START : 0) + 10 / (10 + at) + 5 / (5 + entry.length);
  }
  return scoreLetters(word, entry);
}

function scoreLetters(word: string, entry: string): number {
  let score = 0;
  let last = -1;
  for (const letter of word) {
    const at = entry.indexOf(letter, last + 1);
    if (at < 0 || (last >= 0 && at - last > LONGEST_GAP && !isBorder(entry, at))) return 0;
    score += at === last + 1 ? RUN : isBorder(entry, at) ? WORD : 1;
    last = at;
  }
  return Math.min(99, (score / word.length) * 10 + 5 / (5 + entry.length));
}

function isBorder(entry: string, at: number): boolean {
  return at === 0 || /[\s/\\_.\-:]/.test(entry[at - 1]!);
}
