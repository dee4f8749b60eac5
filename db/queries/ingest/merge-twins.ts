import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';

/** One message that is stored twice: the row that stays, and the one that goes. */
export interface TwinRows {
  old: string;
  twin: string;
}

/**
 * Makes one row of several: the twins' places go to the old one, which is shown again if a twin was,
 * and so does what people did to the message under the ids that go: what they asked for, and that they
 * track it. An old row may take in many twins, a twin goes into one.
 */
export async function mergeTwins(
  tx: Tx,
  { tenantId }: Licence,
  pairs: readonly TwinRows[],
): Promise<void> {
  if (pairs.length === 0) return;
  const olds = sql.param(pairs.map(({ old }) => old));
  const twins = sql.param(pairs.map(({ twin }) => twin));
  const pair = sql`unnest(${olds}::uuid[], ${twins}::uuid[]) as pair (old, twin)`;
  // Whoever is asking for something at this moment does so first, and it goes along.
  await tx.execute(sql`
    select from messages where tenant_id = ${tenantId} and id = any(${twins}::uuid[])
    order by id for update`);
  await tx.execute(sql`
    update placements p set message_id = pair.old from ${pair}
    where p.tenant_id = ${tenantId} and p.message_id = pair.twin
      and p.message_id = any(${twins}::uuid[])`);
  await tx.execute(sql`
    update intents i set message_id = pair.old from ${pair}
    where i.tenant_id = ${tenantId} and i.message_id = pair.twin
      and i.message_id = any(${twins}::uuid[])`);
  // Of all twins of a row at once: a statement that meets a row twice writes it for one of them.
  await tx.execute(sql`
    update messages m set tracked = m.tracked or gone.tracked,
      hidden_at = case when gone.hidden then m.hidden_at end
    from (
      select pair.old, bool_or(twin.tracked) as tracked,
        bool_and(twin.hidden_at is not null) as hidden
      from ${pair} join messages twin on twin.tenant_id = ${tenantId} and twin.id = pair.twin
      where twin.id = any(${twins}::uuid[])
      group by pair.old
    ) gone
    where m.tenant_id = ${tenantId} and m.id = gone.old and m.id = any(${olds}::uuid[])`);
  await tx.execute(sql`
    delete from participants where tenant_id = ${tenantId} and message_id = any(${twins}::uuid[])`);
  await tx.execute(sql`
    delete from messages where tenant_id = ${tenantId} and id = any(${twins}::uuid[])`);
}
