import type { FetchMessageObject, FetchQueryObject } from 'imapflow';
import type { OpenFolder } from './open-folder.ts';
import { formatUidSet } from './uid-set.ts';

/**
 * Fetches rows by UID. A server may split a message over several rows, and send rows that nobody
 * asked for in between (RFC 9051 §7.5.2): rows are merged, foreign ones dropped. A message that
 * is gone has no row.
 */
export async function fetchRows(
  folder: OpenFolder,
  uids: readonly number[],
  query: FetchQueryObject,
): Promise<Map<number, FetchMessageObject>> {
  const wanted = new Set(uids);
  const rows = new Map<number, FetchMessageObject>();
  for (const row of await folder.client.fetchAll(formatUidSet(uids), query, { uid: true })) {
    if (!wanted.has(row.uid)) continue;
    const before = rows.get(row.uid);
    rows.set(row.uid, before ? merge(before, row) : row);
  }
  return rows;
}

function merge(a: FetchMessageObject, b: FetchMessageObject): FetchMessageObject {
  const bodyParts = new Map([...(a.bodyParts ?? []), ...(b.bodyParts ?? [])]);
  return { ...a, ...b, ...(bodyParts.size > 0 && { bodyParts }) };
}
