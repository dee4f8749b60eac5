import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
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
  const dropped = await endRenumbering(tx, licence, folderId);
  await tx.execute(sql`
    delete from placements where tenant_id = ${licence.tenantId} and folder_id = ${folderId}
      and hidden_at is not null`);
  await tx.execute(sql`
    update placements set uid = -uid, version = 0
    where tenant_id = ${licence.tenantId} and folder_id = ${folderId}`);
  await tx.execute(sql`
    delete from skips where tenant_id = ${licence.tenantId} and folder_id = ${folderId}`);
  await tx.execute(sql`
    update folders set uid_validity = ${uidValidity}
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
  await tx.execute(sql`
    update collections set backfill_cursor = null, backfill_done = false, mark = null,
      stored = stored - ${dropped},
      renumbered_since = coalesce(renumbered_since, ${caughtUpAt?.toISOString() ?? null})
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
}

/**
 * After a complete new listing: what did not show up again is gone, or was moved out of the folder
 * before it was listed. Returns how many places.
 */
export async function endRenumbering(tx: Tx, licence: Licence, folderId: string): Promise<number> {
  const left = await tx.execute<{ message_id: string }>(sql`
    delete from placements
    where tenant_id = ${licence.tenantId} and folder_id = ${folderId} and uid < 0
    returning message_id`);
  if (left.length === 0) return 0;
  const [collection] = await tx.execute<{ since: string | null }>(sql`
    select renumbered_since as since from collections
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
  const since = collection?.since ?? null;
  await settleHomeless(
    tx,
    licence,
    left.map((row) => row.message_id),
    since === null ? null : new Date(since),
  );
  return left.length;
}
