import { sql } from 'drizzle-orm';
import type { Capability, Wanted } from '../../../domain/sync.ts';
import type { Database } from '../../client.ts';

export interface WantedWorkflow {
  tenantId: string;
  connectionId: string;
  provider: string;
  capability: Capability;
  wanted: Wanted;
}

/** Every connection that should have a workflow, in pages of ascending ids. */
export async function listWantedWorkflows(
  database: Database,
  afterId: string,
  limit: number,
): Promise<WantedWorkflow[]> {
  const rows = await database.db.execute<{
    id: string;
    tenant_id: string;
    provider: string;
    capability: Capability;
    wanted: Wanted;
  }>(sql`
    select c.id, c.tenant_id, c.provider, c.capability, c.wanted
    from directory.connections c join directory.tenants t on t.id = c.tenant_id
    where c.closed_at is null and t.state = 'active' and c.id > ${afterId}
    order by c.id limit ${limit}`);
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    connectionId: row.id,
    provider: row.provider,
    capability: row.capability,
    wanted: row.wanted,
  }));
}

/**
 * How long the transaction that holds the lock may wait for work that asks other sessions and services.
 * As many workflows as a large installation has are started within it; a process that hangs for longer
 * leaves the lock to another.
 */
const aloneMsMax = 15 * 60_000;

/** Runs `work` in one process of many; the others return at once. */
export async function whileAlone(
  database: Database,
  lock: number,
  work: () => Promise<void>,
): Promise<boolean> {
  return await database.db.transaction(async (tx) => {
    const [row] = await tx.execute<{ alone: boolean }>(sql`
      select pg_try_advisory_xact_lock(${lock}) as alone,
        set_config('idle_in_transaction_session_timeout', ${String(aloneMsMax)}, true)`);
    if (row?.alone) await work();
    return row?.alone === true;
  });
}
