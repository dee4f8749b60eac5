import { sql } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';

/** The work's result, and the rows that it read, whole tables and by index. */
export async function counted<T>(tx: Tx, work: () => Promise<T>): Promise<[T, number]> {
  const before = await rowsRead(tx);
  const result = await work();
  return [result, (await rowsRead(tx)) - before];
}

async function rowsRead(tx: Tx): Promise<number> {
  const [read] = await tx.execute<{ rows: string | null }>(sql`
    select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) as rows
    from pg_stat_xact_user_tables`);
  return Number(read!.rows);
}
