import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';
import type { ConnectionKey } from './connections.ts';

/**
 * Ends a connection: credentials go at once, untracked data after so many days (null keeps it). Call
 * it inside `withTransition`. False when it was disconnected already.
 */
export async function disconnectConnection(
  tx: Tx,
  key: ConnectionKey,
  keptDays: number | null,
): Promise<boolean> {
  const ended = await tx.execute(sql`
    update connections set credentials = null, disconnected_at = steward_now(),
      erase_after = steward_now() + make_interval(days => ${keptDays})
    where tenant_id = ${key.tenantId} and id = ${key.id} and disconnected_at is null
    returning id`);
  if (ended.length === 0) return false;
  await reopenAsDisconnected(tx, key.tenantId, [key.id]);
  return true;
}

/**
 * Decides anew when a disconnected connection's untracked data is erased: now, or never (null keeps
 * it). Call it inside `withTransition`. False when that was decided already.
 */
export async function decideErasure(
  tx: Tx,
  key: ConnectionKey,
  erase: 'now' | 'never',
): Promise<boolean> {
  const decided = erase === 'now' ? sql`steward_now()` : sql`null::timestamptz`;
  const still =
    erase === 'now'
      ? sql`erase_after is null or erase_after > steward_now()`
      : sql`
    erase_after is not null`;
  const changed = await tx.execute(sql`
    update connections set erase_after = ${decided}
    where tenant_id = ${key.tenantId} and id = ${key.id} and disconnected_at is not null
      and (${still})
    returning id`);
  if (changed.length === 0) return false;
  await reopenAsDisconnected(tx, key.tenantId, [key.id]);
  return true;
}

/**
 * Ends all connections of a member who leaves: those that run, and those that were disconnected
 * with their data kept. Untracked data is erased at once, and the accounts are free for others. Call
 * it inside `withTransition`; returns the connections whose workflows have something to do.
 */
export async function endMembersConnections(
  tx: Tx,
  { tenantId, memberId }: { tenantId: string; memberId: string },
): Promise<string[]> {
  const ended = await tx.execute<{ id: string }>(sql`
    update connections set credentials = null,
      disconnected_at = coalesce(disconnected_at, steward_now()), erase_after = steward_now()
    where tenant_id = ${tenantId} and member_id = ${memberId}
      and (disconnected_at is null or erase_after is null or erase_after > steward_now())
    returning id`);
  const ids = ended.map(({ id }) => id);
  await reopenAsDisconnected(tx, tenantId, ids);
  await freeAccounts(tx, tenantId, memberId);
  return ids;
}

/**
 * Nobody can take up again what a member left behind, also where it had ended long before: whoever has
 * the mailbox next connects it anew, as a row of its own, and the old one keeps what is tracked.
 */
async function freeAccounts(tx: Tx, tenantId: string, memberId: string): Promise<void> {
  await tx.execute(sql`
    update connections set account_index = gen_random_uuid()
    where tenant_id = ${tenantId} and member_id = ${memberId}`);
}

/** A connection whose life was over has something to do again: its workflow is to come back. */
async function reopenAsDisconnected(tx: Tx, tenantId: string, ids: string[]): Promise<void> {
  await tx.execute(sql`
    update directory.connections set wanted = 'disconnected', generation = generation + 1,
      closed_at = null
    where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[])`);
}
