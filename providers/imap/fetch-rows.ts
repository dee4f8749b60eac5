import type { FetchMessageObject, FetchQueryObject } from 'imapflow';
import { withinBudget } from './budget.ts';
import type { OpenFolder } from './open-folder.ts';
import { formatUidSet } from './uid-set.ts';

export interface FetchRowsOptions<T> {
  query: FetchQueryObject;
  /** What the whole answer may weigh. */
  bytesMax: number;
  /** What is kept of a row: a parsed structure costs twenty times its text. */
  keep: (row: FetchMessageObject) => T;
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
  { query, bytesMax, keep, merge }: FetchRowsOptions<T>,
): Promise<Map<number, T>> {
  const wanted = new Set(uids);
  const rows = new Map<number, T>();
  const { connection } = folder;
  await withinBudget(connection, { bytesMax }, async () => {
    const answers = connection.client.fetch(formatUidSet(uids), query, { uid: true });
    for await (const row of answers) {
      if (!wanted.has(row.uid)) continue;
      const before = rows.get(row.uid);
      const kept = keep(row);
      rows.set(row.uid, before === undefined ? kept : merge(before, kept));
    }
  });
  return rows;
}
