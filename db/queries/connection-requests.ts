import { sql } from 'drizzle-orm';
import type { Capability } from '../../domain/sync.ts';
import type { Tx } from '../client.ts';
import { raiseGeneration, type ConnectionKey } from './connections.ts';

/**
 * Asks to list everything again from the start; call it inside `withTransition`. The generation
 * goes up, so that nothing under way moves a cursor any more; the next slice resets them.
 */
export async function requestResync(
  tx: Tx,
  key: ConnectionKey,
  capability: Capability,
): Promise<boolean> {
  if ((await raiseGeneration(tx, key, capability)) === undefined) return false;
  await tx.execute(sql`
    update connections set resync_requested_at = steward_now()
    where tenant_id = ${key.tenantId} and id = ${key.id}`);
  return true;
}

/**
 * Lets the deletions pass that are held by now: all of them, or, where a number is given, only if
 * it is still that one. Returns how many are held.
 */
export async function confirmDeletions(
  tx: Tx,
  { tenantId, id }: ConnectionKey,
  expected: number | undefined,
): Promise<number> {
  const [row] = await tx.execute<{ held: number }>(sql`
    select coalesce(sum(deletions_held), 0)::int as held from sync_status
    where tenant_id = ${tenantId} and connection_id = ${id}`);
  const held = row!.held;
  if (held === 0 || (expected !== undefined && expected !== held)) return held;
  await tx.execute(sql`
    update connections set deletions_confirmed_at = steward_now()
    where tenant_id = ${tenantId} and id = ${id}`);
  return held;
}

/** Asks to compare the store with the provider's own listing, opening every sealed value. */
export async function requestReconciliation(
  tx: Tx,
  { tenantId, id }: ConnectionKey,
): Promise<void> {
  await tx.execute(sql`
    update connections set reconcile_requested_at = steward_now()
    where tenant_id = ${tenantId} and id = ${id}`);
}
