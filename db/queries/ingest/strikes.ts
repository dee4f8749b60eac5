import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import type { PageToStore } from './store-page.ts';

/** A fault of the moment is gone by the third look; what still fails then is the item itself. */
export const strikesMax = 3;

/**
 * Counts a strike against each item of the page that could not be stored. After the last strike
 * the item is quarantined as a skip. Returns how many were quarantined now.
 */
export async function recordStrikes(
  tx: Tx,
  licence: Licence,
  { failures, page, folderId, uidValidity }: PageToStore,
): Promise<number> {
  const failed = [...failures, ...page.failures];
  const storedUids = page.messages.map((message) => message.uid);
  if (storedUids.length > 0) {
    await tx.execute(sql`
      delete from skips where tenant_id = ${licence.tenantId} and folder_id = ${folderId}
        and uid_validity = ${uidValidity} and uid = any(${sql.param(storedUids)}::bigint[])`);
  }
  if (failed.length === 0) return 0;
  const rows = await tx.execute<{ quarantined: boolean }>(sql`
    insert into skips as old
      (tenant_id, connection_id, id, folder_id, uid, uid_validity, reason, strikes)
    select ${licence.tenantId}, ${licence.connectionId}, gen_random_uuid(), ${folderId}, uid,
      ${uidValidity}, reason, 1
    from unnest(
      ${sql.param(failed.map(({ uid }) => uid))}::bigint[],
      ${sql.param(failed.map(({ reason }) => reason))}::text[]
    ) as page (uid, reason)
    on conflict (tenant_id, folder_id, uid_validity, uid) do update set
      strikes = least(old.strikes + 1, ${strikesMax}), reason = excluded.reason,
      quarantined_at = case when old.strikes + 1 >= ${strikesMax}
        then coalesce(old.quarantined_at, steward_now()) end
    returning strikes = ${strikesMax} as quarantined`);
  return rows.filter(({ quarantined }) => quarantined).length;
}

/**
 * Folders that are not synced any more lack nothing; where one begins anew or gets another numbering,
 * its items are read again under other numbers.
 */
export async function dropStrikesOf(
  tx: Tx,
  { tenantId }: Licence,
  folderIds: string[],
): Promise<void> {
  await tx.execute(sql`
    delete from skips where tenant_id = ${tenantId}
      and folder_id = any(${sql.param(folderIds)}::uuid[])`);
}
