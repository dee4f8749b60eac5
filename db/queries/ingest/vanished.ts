import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { inStepSince } from './in-step.ts';
import { mergeTwins } from './merge-twins.ts';
import { pairTwins, type Twin } from './pair-twins.ts';
import { holdDeletions, visiblePlaces } from './brake.ts';
import type { PageToStore } from './store-page.ts';

/**
 * Hides what is gone and leaves tombstones, so that a late page can't bring it back. What is only
 * inferred from a listing passes the brake first. A message that is in no folder any more is hidden
 * itself, unless its twin has meanwhile appeared elsewhere: then it was moved, and keeps its id.
 * Returns how many places were hidden.
 */
export async function hideVanished(
  tx: Tx,
  licence: Licence,
  { vanished, inferred, folderId, uidValidity, ...page }: PageToStore,
): Promise<number> {
  if (vanished.length === 0) return 0;
  const caughtUpAt = await inStepSince(tx, licence, folderId, page.caughtUpAt);
  const which = sql`p.uid = any(${sql.param(vanished)}::bigint[])`;
  if (inferred) await holdDeletions(tx, licence, { folderId, which, caughtUpAt });
  const held = inferred
    ? sql`exists (select from placements p where ${visiblePlaces(licence, folderId)}
        and p.uid = gone.uid and p.missing_at is not null)`
    : sql`false`;
  await tx.execute(sql`
    insert into tombstones (tenant_id, connection_id, folder_id, uid_validity, uid, inferred)
    select ${licence.tenantId}, ${licence.connectionId}, ${folderId}, ${uidValidity}, uid,
      ${inferred}
    from unnest(${sql.param(vanished)}::bigint[]) as gone (uid) where not ${held}
    on conflict do nothing`);
  const passing = inferred ? sql`and p.missing_at is null` : sql``;
  const hidden = await tx.execute<{ message_id: string }>(sql`
    update placements p set hidden_at = steward_now(), missing_at = null
    where ${visiblePlaces(licence, folderId)} and ${which} ${passing}
    returning message_id`);
  await settleHomeless(
    tx,
    licence,
    hidden.map((row) => row.message_id),
    caughtUpAt,
  );
  return hidden.length;
}

/**
 * Items that a repair has read are there: tombstones from before the reading were wrong. Younger
 * ones stay, because then the item went after it was read.
 */
export async function liftTombstones(
  tx: Tx,
  licence: Licence,
  { page, folderId, uidValidity, readSince }: PageToStore,
): Promise<void> {
  if (!readSince) return;
  await tx.execute(sql`
    delete from tombstones where tenant_id = ${licence.tenantId} and folder_id = ${folderId}
      and uid_validity = ${uidValidity} and at < ${readSince.toISOString()}
      and uid = any(${sql.param(page.messages.map(({ uid }) => uid))}::bigint[])`);
}

/** Decides, for messages that just lost a place, between moved, hidden and still shown elsewhere. */
export async function settleHomeless(
  tx: Tx,
  licence: Licence,
  messageIds: string[],
  caughtUpAt: Date | null,
): Promise<void> {
  if (messageIds.length === 0) return;
  const homeless = await tx.execute<Twin>(sql`
    update messages m set hidden_at = steward_now()
    where m.tenant_id = ${licence.tenantId}
      and m.id = any(${sql.param(messageIds)}::uuid[])
      and not exists (select from placements p where p.tenant_id = m.tenant_id
        and p.message_id = m.id and p.hidden_at is null offset 0)
    returning ${columns}`);
  if (homeless.length > 0 && caughtUpAt) await adoptTwins(tx, licence, homeless, caughtUpAt);
}

const columns = sql`m.id, m.twin_index, m.hidden_at is not null as hidden,
  (extract(epoch from m.created_at) * 1000000)::bigint::text as micros`;

/**
 * A twin that was stored since the folders were last in step, and after the message that is gone,
 * is the same message at its new place: its places go to the old row, and the twin's own row goes.
 * One that has lost its place again by now is the same message on its way: left behind, it would
 * take a later place from it. One that was stored before, or with it, is a copy that stood beside it.
 */
async function adoptTwins(
  tx: Tx,
  licence: Licence,
  homeless: Twin[],
  caughtUpAt: Date,
): Promise<void> {
  const twinIndexes = [...new Set(homeless.map((row) => row.twin_index))];
  const twins = await tx.execute<Twin>(sql`
    select ${columns}
    from unnest(${sql.param(twinIndexes)}::uuid[]) as wanted (key) cross join lateral (
      select id, connection_id, twin_index, hidden_at, created_at from messages
      where tenant_id = ${licence.tenantId} and twin_index = wanted.key offset 0
    ) m
    where m.connection_id = ${licence.connectionId}
      and m.created_at >= ${caughtUpAt.toISOString()}
      and not (m.id = any(${sql.param(homeless.map((row) => row.id))}::uuid[]))
    order by m.id`);
  await mergeTwins(tx, licence, pairTwins(homeless, twins));
}
