import { withinBudget } from './budget.ts';
import type { FetchItem } from './client.ts';
import type { FetchedRow } from './fetched-row.ts';
import type { OpenFolder } from './open-folder.ts';
import { formatUidSet } from './uid-set.ts';

export interface FetchRowsOptions<T> {
  /** Besides the UID. */
  items: readonly FetchItem[];
  /** What the whole answer may weigh. */
  bytesMax: number;
  /** What is kept of a row: a parsed structure costs twenty times its text. */
  keep: (row: FetchedRow) => T;
  /** Puts two rows of one message together, the earlier one first. */
  merge: (before: T, after: T) => T;
}

/**
 * Fetches rows by UID. A server may split a message over several rows, and send rows that nobody
 * asked for in between (RFC 9051 §7.5.2): rows are merged, foreign ones dropped as they come. A
 * message that is gone has no row.
 */
export async function fetchRows<T>(
  folder: OpenFolder,
  uids: readonly number[],
  { items, bytesMax, keep, merge }: FetchRowsOptions<T>,
): Promise<Map<number, T>> {
  const wanted = new Set(uids);
  const rows = new Map<number, T>();
  const { connection } = folder;
  const collect = (row: FetchedRow): void => {
    if (!wanted.has(row.uid)) return;
    const before = rows.get(row.uid);
    const kept = keep(row);
    rows.set(row.uid, before === undefined ? kept : merge(before, kept));
  };
  await withinBudget(connection, { bytesMax }, () =>
    connection.client.fetchRows(formatUidSet(uids), ['UID', ...items], collect),
  );
  return rows;
}
