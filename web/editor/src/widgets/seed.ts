/** New seeds. */

import type { Amount } from "./arithmetic";
import { allowed, type Rules } from "./number";

const WORD = 1n << 64n;

/** Anywhere between the bounds, 64 bits at most. */
export function randomSeed(rules: Rules, random: () => bigint = random64): Amount {
  const low = bounded(rules.min, 0n);
  const high = bounded(rules.max, WORD - 1n);
  return allowed(low + (random() % (high - low + 1n)), rules);
}

function bounded(bound: Amount, otherwise: bigint): bigint {
  return typeof bound === "bigint" ? bound : Number.isFinite(bound) ? BigInt(Math.round(bound)) : otherwise;
}

function random64(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]!;
}
