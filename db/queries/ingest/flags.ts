import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import type { PageToStore } from './store-page.ts';

/** Flags and keywords that changed at the provider; an older version never overwrites a newer. */
export async function applyFlagChanges(
  tx: Tx,
  licence: Licence,
  { flagChanges, flagChangeLabels, folderId }: PageToStore,
): Promise<void> {
  if (flagChanges.length === 0) return;
  const uids = sql.param(flagChanges.map((change) => change.uid));
  // Named beside the join on them: joined only, they are compared with the whole folder.
  await tx.execute(sql`
    update placements p set flags = page.flags, label_ids = page.label_ids::uuid[],
      version = page.version
    from unnest(
      ${uids}::bigint[],
      ${sql.param(flagChanges.map((change) => change.flags))}::smallint[],
      ${sql.param(flagChangeLabels.map((ids) => `{${ids.join(',')}}`))}::text[],
      ${sql.param(flagChanges.map((change) => String(change.version)))}::bigint[]
    ) as page (uid, flags, label_ids, version)
    where p.tenant_id = ${licence.tenantId} and p.folder_id = ${folderId}
      and p.uid = any(${uids}::bigint[]) and p.uid = page.uid
      and page.version >= p.version`);
}

/** The provider's order of states began anew: whatever it says from now on is newer. */
export async function voidVersions(tx: Tx, licence: Licence, folderId: string): Promise<void> {
  await tx.execute(sql`
    update placements set version = 0
    where tenant_id = ${licence.tenantId} and folder_id = ${folderId} and version > 0`);
}
