import { withinBudget } from './budget.ts';
import type { FetchItem } from './client.ts';
import type { ImapConnection } from './connect.ts';
import { responseTooLarge } from './errors.ts';
import type { FetchedRow } from './fetched-row.ts';
import type { UidRange } from './listing.ts';
import { askThroughLimit } from './message-limit.ts';
import { formatUidSet } from './uid-set.ts';

/** Messages by their UIDs, or what a range holds: so many of them. */
export type AskedUids = readonly number[] | (UidRange & { countMax: number });

export interface FetchRowsOptions<T> {
  /** Besides the UID. */
  items: readonly FetchItem[];
  /** What the whole answer may weigh. */
  bytesMax: number;
  /** What is kept of a row: a parsed structure costs twenty times its text. */
  keep: (row: FetchedRow) => T;
  /** Puts two rows of one message together, the earlier one first. */
  merge: (before: T, after: T) => T;
  /** Where rows are put as they come, for whoever reads on behind a fault. */
  rows?: Map<number, T>;
}

/**
 * Fetches rows by UID. A server may split a message over several rows, and send rows that nobody
 * asked for in between (RFC 9051 §7.5.2): rows are merged, foreign ones dropped as they come. A
 * message that is gone has no row.
 * @throws ProviderFailure for a range that holds more messages than it may
 */
export async function fetchRows<T>(
  folder: { readonly connection: ImapConnection },
  asked: AskedUids,
  { items, bytesMax, keep, merge, rows = new Map() }: FetchRowsOptions<T>,
): Promise<Map<number, T>> {
  const { range, setOf, isAsked, countMax } = readAsked(asked);
  const { connection } = folder;
  const { client } = connection;
  const collect = (row: FetchedRow): void => {
    if (!isAsked(row.uid)) return;
    const before = rows.get(row.uid);
    if (before === undefined && rows.size >= countMax) throw responseTooLarge();
    const kept = keep(row);
    rows.set(row.uid, before === undefined ? kept : merge(before, kept));
  };
  await withinBudget(connection, { bytesMax }, () =>
    askThroughLimit(client, range, (part) =>
      client.fetchRows(setOf(part), ['UID', ...items], collect),
    ),
  );
  return rows;
}

function readAsked(asked: AskedUids): {
  range: UidRange;
  setOf: (part: UidRange) => string;
  isAsked: (uid: number) => boolean;
  countMax: number;
} {
  if ('lowest' in asked) {
    const { lowest, highest, countMax } = asked;
    const isAsked = (uid: number): boolean => uid >= lowest && uid <= highest;
    const setOf = (part: UidRange): string => `${part.lowest}:${part.highest}`;
    return { range: asked, setOf, isAsked, countMax };
  }
  const wanted = new Set(asked);
  const sorted = asked.toSorted((a, b) => a - b);
  return {
    range: { lowest: sorted[0] ?? 1, highest: sorted.at(-1) ?? 0 },
    setOf: ({ highest }) => formatUidSet(sorted.filter((uid) => uid <= highest)),
    isAsked: (uid) => wanted.has(uid),
    countMax: wanted.size,
  };
}
