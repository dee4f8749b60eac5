import { BadCommand } from './errors.ts';

/** Ranges of a sequence set (RFC 3501 §9); `*` is the largest number in use. */
export type SequenceSet = readonly { first: number | '*'; last: number | '*' }[];

/** @throws BadCommand when the text is no sequence set */
export function parseSequenceSet(text: string): SequenceSet {
  return text.split(',').map((part) => {
    if (!/^([1-9]\d*|\*)(:([1-9]\d*|\*))?$/.test(part)) throw new BadCommand('bad sequence set');
    const [first = '*', last = first] = part.split(':').map((end) => (end === '*' ? end : +end));
    return { first, last };
  });
}

/** A test of membership; `largest` is what `*` stands for. */
export function matcher(set: SequenceSet, largest: number): (n: number) => boolean {
  const value = (end: number | '*') => (end === '*' ? largest : end);
  const ranges = set.map(({ first, last }) => {
    const [a, b] = [value(first), value(last)];
    return [Math.min(a, b), Math.max(a, b)] as const;
  });
  return (n) => ranges.some(([low, high]) => n >= low && n <= high);
}

/** Ascending numbers as a set, runs as ranges. */
export function formatSet(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length;) {
    const first = numbers[i]!;
    let last = first;
    for (i += 1; numbers[i] === last + 1; i += 1) last += 1;
    parts.push(first === last ? `${first}` : `${first}:${last}`);
  }
  return parts.join(',');
}
