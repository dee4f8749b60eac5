import { responseTooLarge } from './errors.ts';

/** UIDs as a sequence set (RFC 9051 §4.1.1): runs become ranges, so that commands stay short. */
export function formatUidSet(uids: readonly number[]): string {
  const sorted = uids.toSorted((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length;) {
    const first = sorted[i]!;
    let last = first;
    while (sorted[i + 1] !== undefined && sorted[i + 1]! <= last + 1) last = sorted[(i += 1)]!;
    parts.push(first === last ? `${first}` : `${first}:${last}`);
    i += 1;
  }
  return parts.join(',');
}

/**
 * The UIDs of a sequence set that a server sent, inside the range that was asked for, ascending.
 * The range bounds the result whatever the server claims, and so does the count.
 * @throws ProviderFailure beyond `countMax` UIDs
 */
export function parseUidSet(
  set: string,
  lowest: number,
  highest: number,
  countMax: number,
): number[] {
  const uids = new Set<number>();
  for (const part of set.split(',')) {
    const [a = '', b = a] = part.split(':');
    const [first, last] = [Number(a), Number(b)];
    if (!Number.isInteger(first) || !Number.isInteger(last)) continue;
    const from = Math.max(Math.min(first, last), lowest);
    const to = Math.min(Math.max(first, last), highest);
    if (uids.size + (to - from) >= countMax) throw responseTooLarge();
    for (let uid = from; uid <= to; uid += 1) uids.add(uid);
  }
  return [...uids].toSorted((a, b) => a - b);
}
