import { sql } from 'drizzle-orm';
import type { Database, Tx } from '../../client.ts';

/** A connection that a watch shard looks after. */
export interface WatchedRef {
  tenantId: string;
  connectionId: string;
  capability: 'mail';
  generation: number;
}

/** The connections of a shard that want to be watched; the directory needs no tenant. */
export async function listWatched(database: Database, shard: number): Promise<WatchedRef[]> {
  const rows = await database.db.execute<{ id: string; tenant_id: string; generation: number }>(sql`
    select c.id, c.tenant_id, c.generation
    from directory.connections c join directory.tenants t on t.id = c.tenant_id
    where c.watch_shard = ${shard} and c.capability = 'mail' and c.wanted = 'run'
      and c.closed_at is null and t.state = 'active'
    order by c.id`);
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    connectionId: row.id,
    capability: 'mail',
    generation: row.generation,
  }));
}

/** The watch gave a sign of life. */
export async function recordWatchSign(tx: Tx, ref: WatchedRef): Promise<void> {
  await tx.execute(sql`
    update sync_status set watch_seen_at = steward_now()
    where tenant_id = ${ref.tenantId} and connection_id = ${ref.connectionId}
      and capability = ${ref.capability}`);
}

/** The marks at which the store stands, by folder, and the folders that are kept out. */
export async function listMarks(
  tx: Tx,
  ref: WatchedRef,
): Promise<{ marks: Map<string, string | null>; excluded: Set<string> }> {
  const rows = await tx.execute<{ id: string; mark: string | null; excluded: boolean }>(sql`
    select f.id, c.mark, f.excluded
    from folders f join collections c on c.tenant_id = f.tenant_id and c.id = f.id
    where f.tenant_id = ${ref.tenantId} and f.connection_id = ${ref.connectionId}
      and f.hidden_at is null`);
  return {
    marks: new Map(rows.map((row) => [row.id, row.mark])),
    excluded: new Set(rows.filter((row) => row.excluded).map((row) => row.id)),
  };
}
