import { uidRangesMax } from './bounds.ts';

/** UIDs as ranges, ascending and apart: what a server names never costs more than its own text. */
export interface UidRanges {
  ranges: { first: number; last: number }[];
  /** How many UIDs lie in the ranges. */
  count: number;
}

/**
 * The ranges of sequence sets that a server sent, from 1 to `highest`, merged. A set with more
 * than `uidRangesMax` parts is cut there, so that `count` stays below what the server named.
 */
export function readUidRanges(sets: readonly string[], highest: number): UidRanges {
  const parts: { first: number; last: number }[] = [];
  for (const set of sets) {
    for (const part of set.split(',', uidRangesMax)) {
      const [a = '', b = a] = part.split(':');
      const [one, other] = [Number(a), Number(b)];
      if (!Number.isInteger(one) || !Number.isInteger(other)) continue;
      const first = Math.max(Math.min(one, other), 1);
      const last = Math.min(Math.max(one, other), highest);
      if (first <= last && parts.length < uidRangesMax) parts.push({ first, last });
    }
  }
  const ranges: UidRanges['ranges'] = [];
  for (const { first, last } of parts.toSorted((a, b) => a.first - b.first)) {
    const before = ranges.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else ranges.push({ first, last });
  }
  return { ranges, count: ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0) };
}

/** Everything from 1 to `highest`. */
export function allUids(highest: number): UidRanges {
  return highest < 1
    ? { ranges: [], count: 0 }
    : { ranges: [{ first: 1, last: highest }], count: highest };
}

/** Whether a UID lies in the ranges. */
export function holdsUid({ ranges }: UidRanges, uid: number): boolean {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.last < uid) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]!.first <= uid;
}

/** Every UID of the ranges, in batches. */
export function* uidBatches({ ranges }: UidRanges, size: number): Generator<number[]> {
  let batch: number[] = [];
  for (const { first, last } of ranges) {
    for (let uid = first; uid <= last; uid += 1) {
      batch.push(uid);
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
