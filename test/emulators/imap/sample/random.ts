/** Draws that depend on nothing but the keys, so that each message can be made by itself. */
export interface Random {
  /** At least 0 and below 1. */
  next(): number;
  /** A whole number below `end`. */
  int(end: number): number;
  pick<T>(items: readonly T[]): T;
  chance(probability: number): boolean;
}

/** Mulberry32 over mixed keys: repeatable, and good enough for made-up mail. */
export function createRandom(...keys: readonly number[]): Random {
  let state = keys.reduce((mixed, key) => scramble(mixed ^ scramble(key)), 0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    return scramble(state) / 2 ** 32;
  };
  const int = (end: number): number => Math.floor(next() * end);
  return {
    ...{ next, int },
    pick: (items) => items[int(items.length)]!,
    chance: (probability) => next() < probability,
  };
}

function scramble(value: number): number {
  let mixed = Math.imul((value + 0x9e3779b9) ^ (value >>> 15), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
