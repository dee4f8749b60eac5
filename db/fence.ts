import { sql } from 'drizzle-orm';
import { FencedError } from '../domain/failure.ts';
import type { Capability, Wanted } from '../domain/sync.ts';
import type { Database, Tx } from './client.ts';
import { send } from './pipeline.ts';
import { withCheckedWrite } from './tenant.ts';

/** What a piece of work was started under; any transition since then ends its right to write. */
export interface Licence {
  tenantId: string;
  connectionId: string;
  capability: Capability;
  epoch: number;
  generation: number;
}

export interface FoundLicence extends Licence {
  wanted: Wanted;
  /** `active`, or on its way to the end: then nothing may be written any more. */
  tenantState: string;
  /** Set when the connection's life is over and nothing is left to do for it. */
  closedAt: Date | null;
}

/** The present licence of a connection; undefined when there is no such connection. */
export async function readLicence(
  tx: Pick<Tx, 'execute'>,
  key: { tenantId: string; connectionId: string; capability: Capability },
): Promise<FoundLicence | undefined> {
  const row = await readCounters(tx, key);
  if (!row) return undefined;
  return {
    tenantId: key.tenantId,
    connectionId: key.connectionId,
    capability: key.capability,
    epoch: row.epoch,
    generation: row.generation,
    wanted: row.wanted,
    tenantState: row.state,
    closedAt: row.closed_at === null ? null : new Date(row.closed_at),
  };
}

/**
 * Runs a writing transaction under a licence: takes the tenant's shared lock, compares the counters,
 * and names the licence to the trigger that is the last wall. `wanted` is what people want now.
 *
 * @throws FencedError when the tenant or the connection has gone through a transition since.
 */
export async function withFence<T>(
  database: Database,
  licence: Licence,
  work: (tx: Tx, wanted: Wanted) => Promise<T>,
): Promise<T> {
  const check = async (tx: Tx): Promise<Wanted> => {
    const row = await readCounters(tx, licence);
    if (!row) throw new FencedError('The connection is gone.');
    if (row.state !== 'active') throw new FencedError(`The tenant is ${row.state}.`);
    if (row.epoch !== licence.epoch) throw new FencedError('The tenant is in another epoch.');
    if (row.generation !== licence.generation) {
      throw new FencedError('The connection is in another generation.');
    }
    return row.wanted;
  };
  try {
    return await withCheckedWrite(database, licence.tenantId, check, work);
  } catch (error) {
    throw refusedByTrigger(error) ? new FencedError('The fence refused.', { cause: error }) : error;
  }
}

/** SQLSTATE of the trigger (`check_fence` in the migration). */
export const fenceErrorCode = 'SF001';

function refusedByTrigger(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === fenceErrorCode;
}

/** Reads the counters and, in the same round trip, states the licence for the trigger. */
async function readCounters(
  tx: Pick<Tx, 'execute'>,
  key: { tenantId: string; connectionId: string; capability: Capability } & Partial<Licence>,
) {
  const { tenantId, connectionId, capability, generation, epoch } = key;
  const fence =
    generation === undefined || epoch === undefined
      ? ''
      : `${connectionId}:${generation}:${epoch}:${capability}`;
  const [row] = await send<{
    epoch: number;
    state: string;
    generation: number;
    wanted: Wanted;
    closed_at: string | null;
  }>(
    tx,
    sql`
    select t.epoch, t.state, c.generation, c.wanted, c.closed_at,
      set_config('steward.fence', ${fence}, true)
    from directory.connections c join directory.tenants t on t.id = c.tenant_id
    where c.id = ${connectionId} and c.capability = ${capability} and c.tenant_id = ${tenantId}`,
  );
  return row;
}
