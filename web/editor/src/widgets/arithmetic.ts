/**
 * What may be typed into a number field: `2*512+64`, `(3 + 0,5) / 2`, `2^10`, `1e-3`. Whole numbers are computed as
 * bigints, so that a 64-bit seed stays exact; a fraction makes the result a double.
 */

export type Amount = number | bigint;

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

const TOKEN = /\s*(0x[0-9a-f]+|\d+(?:[.,]\d*)?(?:e[+-]?\d+)?|[.,]\d+(?:e[+-]?\d+)?|\*\*|[-+*/%^()])/iy;
const MEANT: Readonly<Record<string, string>> = {
  "×": "*",
  "·": "*",
  "÷": "/",
  "−": "-",
  "–": "-",
  "（": "(",
  "）": ")",
};
const LONGEST = 200;

/** The value of an expression; undefined for anything else. */
export function evaluate(text: string): Amount | undefined {
  const tokens = split(text);
  if (!tokens) return undefined;
  const reader: Reader = { tokens, at: 0 };
  const value = sum(reader);
  return reader.at === tokens.length && (typeof value === "bigint" || Number.isFinite(value)) ? value : undefined;
}

function split(text: string): string[] | undefined {
  const plain = text.trim().replace(/[×·÷−–（）]/g, (sign) => MEANT[sign]!);
  if (!plain || plain.length > LONGEST) return undefined;
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < plain.length) {
    const found = TOKEN.exec(plain);
    if (!found) return undefined;
    tokens.push(found[1]!);
  }
  return tokens;
}

/** NaN stands for whatever is not an expression: it stays NaN to the end. */
function sum(reader: Reader): Amount {
  let left = product(reader);
  for (let sign = next(reader, "+", "-"); sign; sign = next(reader, "+", "-")) {
    left = apply(sign, left, product(reader));
  }
  return left;
}

function product(reader: Reader): Amount {
  let left = signed(reader);
  for (let sign = next(reader, "*", "/", "%"); sign; sign = next(reader, "*", "/", "%")) {
    left = apply(sign, left, signed(reader));
  }
  return left;
}

function signed(reader: Reader): Amount {
  const sign = next(reader, "+", "-");
  if (!sign) return power(reader);
  const value = signed(reader);
  return sign === "-" ? -value : value;
}

/** To the right: 2^3^2 is 2^9; and before the sign: -2^2 is -4. */
function power(reader: Reader): Amount {
  const base = atom(reader);
  return next(reader, "^", "**") ? apply("^", base, signed(reader)) : base;
}

function atom(reader: Reader): Amount {
  if (next(reader, "(")) {
    const inner = sum(reader);
    return next(reader, ")") ? inner : NaN;
  }
  const token = reader.tokens[reader.at++];
  if (token === undefined || !/^[\d.,]/.test(token)) return NaN;
  return /^(0x[0-9a-f]+|\d+)$/i.test(token) ? BigInt(token) : Number(token.replace(",", "."));
}

function next(reader: Reader, ...signs: string[]): string | undefined {
  const token = reader.tokens[reader.at];
  if (token === undefined || !signs.includes(token)) return undefined;
  reader.at += 1;
  return token;
}

const DOUBLES: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": (a, b) => a ** b,
};

function apply(sign: string, a: Amount, b: Amount): Amount {
  const exact = typeof a === "bigint" && typeof b === "bigint" ? whole(sign, a, b) : undefined;
  return exact ?? DOUBLES[sign]!(Number(a), Number(b));
}

/** Undefined where the result is no whole number, or would be as long as a book. */
function whole(sign: string, a: bigint, b: bigint): bigint | undefined {
  if (sign === "+") return a + b;
  if (sign === "-") return a - b;
  if (sign === "*") return a * b;
  if (sign === "^") return b >= 0n && b <= 512n && a < 1n << 64n && a > -(1n << 64n) ? a ** b : undefined;
  if (b === 0n || (sign === "/" && a % b !== 0n)) return undefined;
  return sign === "/" ? a / b : a % b;
}
