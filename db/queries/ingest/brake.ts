import { sql, type SQL } from 'drizzle-orm';
import { mayDelete, type BrakeFacts } from '../../../domain/deletion-brake.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';

/** Places of one folder that a complete listing does not show any more. */
export interface MissingPlaces {
  folderId: string;
  /** Which of the folder's `placements p`. */
  which: SQL;
  /** Since when every folder was known to be in step: bounds the search for a moved twin. */
  caughtUpAt: Date | null;
}

/** The places of a folder that people see. */
export const visiblePlaces = (licence: Licence, folderId: string): SQL => sql`
  p.tenant_id = ${licence.tenantId} and p.folder_id = ${folderId} and p.hidden_at is null`;

/**
 * Holds the deletion of places when too many would go within a day: they get a `missing_at`, stay
 * visible, and wait until they appear again or somebody confirms. What still stands elsewhere, or
 * has a twin that appeared meanwhile, was moved and is never held.
 */
export async function holdDeletions(
  tx: Tx,
  licence: Licence,
  places: MissingPlaces,
): Promise<void> {
  const facts = await readBrake(tx, licence, places.folderId);
  if (mayDelete(facts, facts.stored - facts.held)) return;
  const candidates = sql`${visiblePlaces(licence, places.folderId)} and p.missing_at is null
    and ${places.which}`;
  const [wanted] = await tx.execute<{ count: number }>(sql`
    select count(*)::int as count from placements p where ${candidates}`);
  if (mayDelete(facts, wanted!.count)) return;
  const lost = sql`${candidates} and not ${stillSomewhere(licence, places.caughtUpAt)}`;
  const [left] = await tx.execute<{ count: number }>(sql`
    select count(*)::int as count from placements p where ${lost}`);
  if (mayDelete(facts, left!.count)) return;
  await tx.execute(sql`update placements p set missing_at = steward_now() where ${lost}`);
}

/** What the brake goes by, of one folder. */
export async function readBrake(tx: Tx, licence: Licence, folderId: string): Promise<BrakeFacts> {
  const [row] = await tx.execute<{ stored: number; recent: number; held: number }>(sql`
    select c.stored,
      (select count(*)::int from tombstones t
        where t.tenant_id = c.tenant_id and t.folder_id = c.id and t.inferred
          and t.at > greatest(steward_now() - interval '1 day', n.deletions_confirmed_at)) as recent,
      (select count(*)::int from placements p
        where p.tenant_id = c.tenant_id and p.connection_id = c.connection_id
          and p.folder_id = c.id and p.missing_at is not null and p.hidden_at is null) as held
    from collections c join connections n on n.tenant_id = c.tenant_id and n.id = c.connection_id
    where c.tenant_id = ${licence.tenantId} and c.id = ${folderId}`);
  return row ?? { stored: 0, recent: 0, held: 0 };
}

/**
 * Whether the message of `placements p` is shown at another place, under its own id or a twin's. What
 * narrows a lookup by one key is asked outside of it: a planner without statistics would rather read
 * for each message all that the connection has.
 */
function stillSomewhere({ tenantId, connectionId }: Licence, caughtUpAt: Date | null): SQL {
  const since = caughtUpAt?.toISOString() ?? null;
  return sql`(
    exists (select from (
      select folder_id, hidden_at, missing_at from placements
      where tenant_id = ${tenantId} and message_id = p.message_id offset 0
    ) o where o.hidden_at is null and o.missing_at is null and o.folder_id <> p.folder_id)
    or exists (select from (
      select id, twin_index from messages
      where tenant_id = ${tenantId} and id = p.message_id offset 0
    ) m cross join lateral (
      select id, connection_id, hidden_at, created_at from messages
      where tenant_id = ${tenantId} and twin_index = m.twin_index offset 0
    ) twin
    where twin.id <> m.id and twin.connection_id = ${connectionId}
      and twin.hidden_at is null and twin.created_at >= ${since}::timestamptz))`;
}
