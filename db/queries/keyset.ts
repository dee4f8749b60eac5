import { sql, type SQL } from 'drizzle-orm';

/** Where a page of a list starts: the sort key and the id of the row before it. */
export interface ListPosition {
  at: string;
  id: string;
}

export interface ListWindow {
  after: ListPosition | undefined;
  /** How many rows to return; callers ask for one more than they show. */
  limit: number;
}

/** An instant as text with all its microseconds, so that a cursor finds exactly its row again. */
export function instantText(column: SQL): SQL {
  return sql`to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** Rows after the position, newest first: by instant, then id. */
export function olderThan(at: SQL, id: SQL, position: ListPosition | undefined): SQL {
  if (!position) return sql`true`;
  return sql`(${at}, ${id}) < (${position.at}::timestamptz, ${position.id}::uuid)`;
}
