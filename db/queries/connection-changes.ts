import { sql } from 'drizzle-orm';
import type { Capability } from '../../domain/sync.ts';
import type { Tx } from '../client.ts';
import { raiseGeneration, type ConnectionKey } from './connections.ts';

export interface ConnectionChange {
  id: string;
  tenantId: string;
  capability: Capability;
  /** Sealed; undefined keeps those that are stored. */
  credentials: Uint8Array | undefined;
  profile: Uint8Array;
  accountIndex: string;
  backfillSince: string | null;
  /** Whether history from before the old depth is to be imported. */
  deeper: boolean;
}

/**
 * Writes new settings of a connection that is connected. Call it inside `withTransition`: the
 * generation goes up, so that no session or slice goes on under the old ones. False when the
 * connection is disconnected or not there.
 */
export async function changeConnection(tx: Tx, change: ConnectionChange): Promise<boolean> {
  const { id, tenantId, capability } = change;
  const changed = await tx.execute(sql`
    update connections set
      credentials = coalesce(${sql.param(change.credentials ?? null)}::bytea, credentials),
      profile = ${sql.param(change.profile)}, account_index = ${change.accountIndex},
      backfill_since = ${change.backfillSince}
    where tenant_id = ${tenantId} and id = ${id} and disconnected_at is null
    returning id`);
  if (changed.length === 0) return false;
  await raiseGeneration(tx, { tenantId, id }, capability);
  const ofConnection = sql`tenant_id = ${tenantId} and connection_id = ${id}`;
  if (change.credentials) {
    await tx.execute(sql`
      update sync_status set login_strikes = 0, next_attempt_at = null, reason = null,
        state_since = case when state = any(${trouble}) then steward_now() else state_since end,
        state = case when state = any(${trouble}) then 'connecting' else state end
      where ${ofConnection} and capability = ${capability}`);
  }
  if (change.deeper) await restartHistory(tx, { tenantId, id }, capability);
  return true;
}

/**
 * Lets the backfill begin again, because it is to reach further back. Positions are UIDs, and an old
 * message may have a high one. Call it where the generation was raised.
 */
export async function restartHistory(
  tx: Tx,
  { tenantId, id }: ConnectionKey,
  capability: Capability,
): Promise<void> {
  await tx.execute(sql`
    update collections set backfill_cursor = null, backfill_done = false
    where tenant_id = ${tenantId} and connection_id = ${id}`);
  await tx.execute(sql`
    update sync_status set backfill_done_at = null
    where tenant_id = ${tenantId} and connection_id = ${id} and capability = ${capability}`);
}

/** States that a failure put the connection into, and that new credentials may end. */
const trouble = sql`
  '{needs-reauth,admin-action-needed,unavailable,degraded,throttled}'::text[]`;
