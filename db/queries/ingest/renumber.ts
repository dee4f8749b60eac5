import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { holdDeletions, visiblePlaces } from './brake.ts';
import { historyBeginning } from './cursors.ts';
import { dropStrikesOf } from './strikes.ts';
import { settleHomeless } from './vanished.ts';

/**
 * A folder got a new UIDVALIDITY: every UID that we hold is void, though the messages are most
 * likely there still. What we have stays visible under negative UIDs until the folder has been
 * listed again; a message that shows up in the new listing keeps its id (`claimTwins`).
 */
export async function beginRenumbering(
  tx: Tx,
  licence: Licence,
  folderId: string,
  uidValidity: string,
  caughtUpAt: Date | null,
): Promise<void> {
  await tx.execute(sql`
    delete from placements where tenant_id = ${licence.tenantId} and folder_id = ${folderId}
      and hidden_at is not null`);
  // Below what an unfinished renumbering has left: those messages are still looked for as well.
  await tx.execute(sql`
    update placements set missing_at = null, version = 0, uid = least(0, (
        select min(uid) from placements where tenant_id = ${licence.tenantId}
          and folder_id = ${folderId}
      )) - uid
    where tenant_id = ${licence.tenantId} and folder_id = ${folderId} and uid > 0`);
  await dropStrikesOf(tx, licence, [folderId]);
  await tx.execute(sql`
    update folders set uid_validity = ${uidValidity}
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
  await tx.execute(sql`
    update collections set backfill_cursor = ${historyBeginning}, backfill_done = false,
      mark = null, in_step_until = coalesce(in_step_until, ${caughtUpAt?.toISOString() ?? null})
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
}

/**
 * After a complete new listing: what did not show up again is gone, as far as the brake lets it, or
 * was moved out of the folder before it was listed. Returns how many places.
 */
export async function endRenumbering(tx: Tx, licence: Licence, folderId: string): Promise<number> {
  const [left] = await tx.execute<{ since: string | null }>(sql`
    select c.in_step_until as since from collections c
    where c.tenant_id = ${licence.tenantId} and c.id = ${folderId} and exists (
      select from placements p where ${visiblePlaces(licence, folderId)} and p.uid < 0)`);
  if (!left) return 0;
  const caughtUpAt = left.since === null ? null : new Date(left.since);
  await holdDeletions(tx, licence, { folderId, which: sql`p.uid < 0`, caughtUpAt });
  const dropped = await tx.execute<{ message_id: string }>(sql`
    delete from placements p
    where ${visiblePlaces(licence, folderId)} and p.uid < 0 and p.missing_at is null
    returning message_id`);
  await settleHomeless(
    tx,
    licence,
    dropped.map((row) => row.message_id),
    caughtUpAt,
  );
  return dropped.length;
}
