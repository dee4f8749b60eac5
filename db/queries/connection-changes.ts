import { sql } from 'drizzle-orm';
import type { Capability } from '../../domain/sync.ts';
import type { Tx } from '../client.ts';
import { noteChanges, raiseGeneration } from './connections.ts';

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
  const generation = await raiseGeneration(tx, change, capability);
  const credentials = change.credentials !== undefined;
  await noteChanges(tx, change, generation, { credentials, deeper: change.deeper });
  return true;
}
