import { sql } from 'drizzle-orm';
import type { Database, Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { credentialsRenewed } from '../taken-up.ts';

/** A connection that a watch shard looks after, with the licence for what it notes. */
export interface WatchedRef extends Licence {
  capability: 'mail';
}

/** The connections of a shard that want to be watched; the directory needs no tenant. */
export async function listWatched(database: Database, shard: number): Promise<WatchedRef[]> {
  const rows = await database.db.execute<{
    id: string;
    tenant_id: string;
    generation: number;
    epoch: number;
  }>(sql`
    select c.id, c.tenant_id, c.generation, t.epoch
    from directory.connections c join directory.tenants t on t.id = c.tenant_id
    where c.watch_shard = ${shard} and c.capability = 'mail' and c.wanted = 'run'
      and c.closed_at is null and t.state = 'active'
    order by c.id`);
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    connectionId: row.id,
    capability: 'mail',
    generation: row.generation,
    epoch: row.epoch,
  }));
}

/** What a watch session is opened with. The strikes are the credentials'; new ones have none. */
export async function readWatchedAccount(
  tx: Tx,
  ref: WatchedRef,
): Promise<{ credentials: Uint8Array | null; loginStrikes: number } | undefined> {
  const [row] = await tx.execute<{ credentials: Uint8Array | null; login_strikes: number }>(sql`
    select n.credentials,
      case when ${credentialsRenewed} then 0 else s.login_strikes end as login_strikes
    from connections n join sync_status s on s.tenant_id = n.tenant_id and s.connection_id = n.id
    where n.tenant_id = ${ref.tenantId} and n.id = ${ref.connectionId}
      and s.capability = ${ref.capability}`);
  return row && { credentials: row.credentials, loginStrikes: row.login_strikes };
}

/**
 * Notes of a tenant's connections whether the watch saw them just now or has lost them. The commit
 * does not wait for the disk: the next sweep says the same again.
 */
export async function recordWatchSigns(
  tx: Tx,
  tenantId: string,
  signs: ReadonlyMap<string, boolean>,
): Promise<void> {
  const alive = [...signs].flatMap(([id, sign]) => (sign ? [id] : []));
  await tx.execute(sql`
    with relaxed as (select set_config('synchronous_commit', 'off', true))
    update sync_status set watch_seen_at =
      case when connection_id = any(${sql.param(alive)}::uuid[]) then steward_now() end
    from relaxed
    where tenant_id = ${tenantId} and capability = 'mail'
      and connection_id = any(${sql.param([...signs.keys()])}::uuid[])`);
}

/** The marks at which the store stands, by index of the name, and the folders that are kept out. */
export async function listMarks(
  tx: Tx,
  ref: WatchedRef,
): Promise<{ marks: Map<string, string | null>; excluded: Set<string> }> {
  const rows = await tx.execute<{ id: string; mark: string | null; excluded: boolean }>(sql`
    select coalesce(f.ref_index, f.id) as id, c.mark, f.excluded
    from folders f join collections c on c.tenant_id = f.tenant_id and c.id = f.id
    where f.tenant_id = ${ref.tenantId} and f.connection_id = ${ref.connectionId}
      and f.hidden_at is null`);
  return {
    marks: new Map(rows.map((row) => [row.id, row.mark])),
    excluded: new Set(rows.filter((row) => row.excluded).map((row) => row.id)),
  };
}
