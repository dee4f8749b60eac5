import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';

/**
 * Takes up a resync that somebody asked for: every cursor goes, so that all is listed again from
 * the start. Whichever slice comes first does it; the others find it done. Rows stay: what is
 * listed again keeps its id, and the reconciliation that follows hides what is not. The request's time
 * is copied by the database: a clock of milliseconds would leave it asked for, for ever.
 */
export async function beginResync(tx: Tx, licence: Licence): Promise<void> {
  const ofConnection = sql`tenant_id = ${licence.tenantId}
    and connection_id = ${licence.connectionId}`;
  const begun = await tx.execute(sql`
    update sync_status s set resynced_at = n.resync_requested_at, backfill_done_at = null,
      caught_up_at = null, login_strikes = 0, next_attempt_at = null,
      behind_since = coalesce(behind_since, steward_now())
    from connections n
    where n.tenant_id = ${licence.tenantId} and n.id = ${licence.connectionId}
      and s.tenant_id = n.tenant_id and s.connection_id = n.id
      and s.capability = ${licence.capability}
      and (s.resynced_at is null or s.resynced_at < n.resync_requested_at)
    returning s.connection_id`);
  if (begun.length === 0) return;
  await tx.execute(sql`
    update collections set live_cursor = null, backfill_cursor = null, backfill_done = false,
      mark = null
    where ${ofConnection}`);
}
