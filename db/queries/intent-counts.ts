import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';

/** A refusal is news for a week: by then somebody has read it, or has asked for something else. */
export const refusedDays = 7;

/**
 * Counted with every look at a connection, so not further than anybody can read: as many as may
 * wait for one connection at a time.
 */
const countedMax = 10_000;

export interface IntentCounts {
  pending: number;
  /** Within `refusedDays`. */
  refused: number;
}

/** How many intents of each of these connections wait, and how many were refused lately. */
export async function countIntents(
  tx: Tx,
  tenantId: string,
  connectionIds: string[],
): Promise<Map<string, IntentCounts>> {
  const rows = await tx.execute<IntentCounts & { id: string; [column: string]: unknown }>(sql`
    select c.id, waiting.pending, finished.refused
    from unnest(${sql.param(connectionIds)}::uuid[]) as c (id)
    cross join lateral (
      select count(*)::int as pending from (
        select from intents i
        where i.tenant_id = ${tenantId} and i.connection_id = c.id and i.state = 'pending'
        limit ${countedMax}) counted
    ) waiting
    cross join lateral (
      select count(*)::int as refused from (
        select from intents i
        where i.tenant_id = ${tenantId} and i.connection_id = c.id and i.state = 'refused'
          and i.finished_at > steward_now() - make_interval(days => ${refusedDays})
        limit ${countedMax}) counted
    ) finished`);
  return new Map(rows.map(({ id, pending, refused }) => [id, { pending, refused }]));
}
