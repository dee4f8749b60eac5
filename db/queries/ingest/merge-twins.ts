import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';

/** One message that is stored twice: the row that stays, and the one that goes. */
export interface TwinRows {
  old: string;
  twin: string;
}

/**
 * Makes one row of two: the twin's places go to the old one, which is shown again if the twin was, and
 * so does what people did to the message under the id that goes: what they asked for, and that they
 * track it.
 */
export async function mergeTwins(
  tx: Tx,
  { tenantId }: Licence,
  pairs: readonly TwinRows[],
): Promise<void> {
  if (pairs.length === 0) return;
  const twins = sql.param(pairs.map(({ twin }) => twin));
  const pair = sql`unnest(${sql.param(pairs.map(({ old }) => old))}::uuid[], ${twins}::uuid[])
    as pair (old, twin)`;
  // Whoever is asking for something at this moment does so first, and it goes along.
  await tx.execute(sql`
    select from messages where tenant_id = ${tenantId} and id = any(${twins}::uuid[])
    order by id for update`);
  await tx.execute(sql`
    update placements p set message_id = pair.old from ${pair}
    where p.tenant_id = ${tenantId} and p.message_id = pair.twin`);
  await tx.execute(sql`
    update intents i set message_id = pair.old from ${pair}
    where i.tenant_id = ${tenantId} and i.message_id = pair.twin`);
  await tx.execute(sql`
    update messages m set tracked = m.tracked or gone.tracked,
      hidden_at = case when gone.hidden_at is not null then m.hidden_at end
    from ${pair} join messages gone on gone.tenant_id = ${tenantId} and gone.id = pair.twin
    where m.tenant_id = ${tenantId} and m.id = pair.old`);
  await tx.execute(sql`
    delete from participants where tenant_id = ${tenantId} and message_id = any(${twins}::uuid[])`);
  await tx.execute(sql`
    delete from messages where tenant_id = ${tenantId} and id = any(${twins}::uuid[])`);
}
