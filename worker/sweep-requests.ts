import type { Database } from '../db/client.ts';
import { sweepExpiredRequests } from '../db/queries/idempotency.ts';
import { whileAlone } from '../db/queries/sync/wanted.ts';
import { listTenants } from '../db/queries/tenants.ts';
import { withTenantWrite } from '../db/tenant.ts';
import { systemTenantId } from '../domain/ids.ts';

/** The advisory lock under which one worker of many does this. */
const sweepLock = 0x737765;

/** Tenants looked at together: one query, one list in memory. */
const tenantsPerPage = 1_000;

/** Rows deleted in one transaction: a busy tenant's day is many times as much. */
const rowsPerTransaction = 1_000;

/**
 * Deletes the kept answers whose time is over, of every tenant and of the installation. A new request
 * of the same tenant takes some with it; one that rests would keep what people wrote for good. Between
 * two tenants it listens to `stopping`. Returns how many it deleted.
 */
export async function sweepRequests(database: Database, stopping: AbortSignal): Promise<number> {
  let swept = 0;
  await whileAlone(database, sweepLock, async () => {
    swept += await sweepTenant(database, systemTenantId);
    for (let last: string | undefined; ;) {
      const after = last === undefined ? undefined : { at: '', id: last };
      const tenants = await listTenants(database.db, { after, limit: tenantsPerPage });
      for (const { id } of tenants) {
        if (stopping.aborted) return;
        swept += await sweepTenant(database, id);
      }
      if (tenants.length < tenantsPerPage) break;
      last = tenants.at(-1)?.id;
    }
  });
  return swept;
}

/** In the tenant's context: row-level security shows its rows to nobody else, the worker included. */
async function sweepTenant(database: Database, tenantId: string): Promise<number> {
  for (let swept = 0; ;) {
    const count = await withTenantWrite(database, tenantId, (tx) =>
      sweepExpiredRequests(tx, tenantId, rowsPerTransaction),
    );
    swept += count;
    if (count < rowsPerTransaction) return swept;
  }
}
