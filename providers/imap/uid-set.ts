import { compareBatch, uidSetCharsMax } from './bounds.ts';
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
 * Splits UIDs, ascending, so that each command stays short, its answer bounded, and both within the
 * server's own limit on messages.
 */
export function* splitUids(
  uids: readonly number[],
  messageLimit = Number.POSITIVE_INFINITY,
): Generator<number[]> {
  const countMax = Math.min(compareBatch, messageLimit);
  const sorted = uids.toSorted((a, b) => a - b);
  for (let at = 0; at < sorted.length;) {
    let end = at;
    for (let chars = 0; end < sorted.length && end - at < countMax; end += 1) {
      // Of a run only the two ends are written.
      const inRun = end > at && sorted[end]! <= sorted[end - 1]! + 1;
      if (!inRun) chars += 2 * (String(sorted[end]).length + 1);
      if (chars > uidSetCharsMax) break;
    }
    yield sorted.slice(at, end);
    at = end;
  }
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
