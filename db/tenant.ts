import { sql } from 'drizzle-orm';
import type { Database, Tx } from './client.ts';

/** First key of the advisory locks of the fence; the second is the tenant's hash. */
const tenantLockSpace = 0x7374;

/**
 * Runs a reading transaction in a tenant's context: row-level security shows its rows and no
 * other's. The setting ends with the transaction, so that a pooled connection carries none over.
 */
export async function withTenant<T>(
  database: Database,
  tenantId: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return await database.db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('steward.tenant_id', ${tenantId}, true)`);
    return await work(tx);
  });
}

/**
 * Runs a transaction that writes what people say (members, settings, consents). It takes the
 * tenant's shared lock, so that a transition waits for it and it waits for a transition.
 */
export async function withTenantWrite<T>(
  database: Database,
  tenantId: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return await withLock(database, tenantId, sql`pg_advisory_xact_lock_shared`, work);
}

/**
 * Runs a transition of the tenant or of one of its connections (end, disconnect, resync …). It
 * waits for running writers and keeps new ones out until it commits; the caller raises the counter.
 */
export async function withTransition<T>(
  database: Database,
  tenantId: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return await withLock(database, tenantId, sql`pg_advisory_xact_lock`, work);
}

async function withLock<T>(
  database: Database,
  tenantId: string,
  lock: ReturnType<typeof sql>,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return await database.db.transaction(async (tx) => {
    // A statement of its own: whatever is read next has a snapshot from after the lock.
    await tx.execute(sql`
      select set_config('steward.tenant_id', ${tenantId}, true),
        ${lock}(${tenantLockSpace}, hashtext(${tenantId}))`);
    return await work(tx);
  });
}
