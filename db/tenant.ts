import { sql, type SQL } from 'drizzle-orm';
import { currentClaim, markCarriedOut } from './claim.ts';
import type { Database, Tx } from './client.ts';
import { send, together } from './pipeline.ts';

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
    const entered = send(tx, sql`select ${contextOf(tenantId)}`);
    const [, result] = await together(entered, work(tx));
    return result;
  });
}

/**
 * Runs a transaction that writes what people say (members, settings, consents). It takes the
 * tenant's shared lock, so that a transition waits for it and it waits for a transition. Under an
 * Idempotency-Key it marks the request as carried out, as all that write here do.
 */
export async function withTenantWrite<T>(
  database: Database,
  tenantId: string,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return await withLock(database, tenantId, sql`pg_advisory_xact_lock_shared`, work);
}

/**
 * The same for a write that has to be licensed first: `check` is sent together with the lock, and
 * what it reads has a snapshot from after it. Work begins when the check has passed.
 */
export async function withCheckedWrite<C, T>(
  database: Database,
  tenantId: string,
  check: (tx: Tx) => Promise<C>,
  work: (tx: Tx, checked: C) => Promise<T>,
): Promise<T> {
  const claim = currentClaim();
  return await database.db.transaction(async (tx) => {
    const locked = send(tx, entering(tenantId, sql`pg_advisory_xact_lock_shared`));
    const [, checked] = await together(locked, check(tx));
    await markCarriedOut(tx, claim);
    return await work(tx, checked);
  });
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
  lock: SQL,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const claim = currentClaim();
  return await database.db.transaction(async (tx) => {
    await tx.execute(entering(tenantId, lock));
    await markCarriedOut(tx, claim);
    return await work(tx);
  });
}

/** A statement of its own: whatever is read next has a snapshot from after the lock. */
function entering(tenantId: string, lock: SQL): SQL {
  return sql`select ${contextOf(tenantId)}, ${lock}(${tenantLockSpace}, hashtext(${tenantId}))`;
}

/**
 * The tenant, and never a whole table where an index will do: a planner that takes a table for all
 * one tenant's (`db/planner.ts`) may think that its first rows are as good as the rest.
 */
function contextOf(tenantId: string): SQL {
  return sql`set_config('steward.tenant_id', ${tenantId}, true),
    set_config('enable_seqscan', 'off', true)`;
}
