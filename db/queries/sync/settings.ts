import { sql } from 'drizzle-orm';
import { troubledStates } from '../../../domain/sync.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { credentialsRenewed, historyDeepened } from '../taken-up.ts';

/**
 * Takes up what people changed since the last slice: new credentials end the trouble that the old
 * ones were in, and a deeper history is imported from its beginning. Whichever slice comes first
 * does it; the others find it done.
 */
export async function takeUpSettings(tx: Tx, licence: Licence): Promise<void> {
  const { tenantId, connectionId, capability, generation } = licence;
  const [due] = await tx.execute<{ renewed: boolean; deepened: boolean }>(sql`
    select ${credentialsRenewed} as renewed, ${historyDeepened} as deepened
    from sync_status s
    join connections n on n.tenant_id = s.tenant_id and n.id = s.connection_id
    where s.tenant_id = ${tenantId} and s.connection_id = ${connectionId}
      and s.capability = ${capability}
    for update of s`);
  if (due?.renewed) await endTrouble(tx, licence);
  if (due?.deepened) await restartHistory(tx, licence);
  await tx.execute(sql`
    update sync_status set taken_up_generation = ${generation} where ${ofCapability(licence)}`);
}

/** A connection that comes back from its end begins anew: what was seen of it then is too old. */
async function endTrouble(tx: Tx, licence: Licence): Promise<void> {
  const troubled = sql`state = any(${sql.param([...troubledStates, 'disconnected'])}::text[])`;
  const kept = (column: string) => sql`case when state <> 'disconnected'
    then ${sql.identifier(column)} end`;
  await tx.execute(sql`
    update sync_status set login_strikes = 0, next_attempt_at = null, reason = null,
      throttled_until = null,
      state_since = case when ${troubled} then steward_now() else state_since end,
      state = case when ${troubled} then 'connecting' else state end,
      caught_up_at = ${kept('caught_up_at')}, behind_since = ${kept('behind_since')},
      watch_seen_at = ${kept('watch_seen_at')}
    where ${ofCapability(licence)}`);
}

/** Positions are UIDs, and an old message may have a high one: all of it is listed again. */
async function restartHistory(tx: Tx, licence: Licence): Promise<void> {
  await tx.execute(sql`
    update collections set backfill_cursor = null, backfill_done = false
    where tenant_id = ${licence.tenantId} and connection_id = ${licence.connectionId}`);
  await tx.execute(sql`
    update sync_status set backfill_done_at = null where ${ofCapability(licence)}`);
}

const ofCapability = ({ tenantId, connectionId, capability }: Licence) => sql`
  tenant_id = ${tenantId} and connection_id = ${connectionId} and capability = ${capability}`;
