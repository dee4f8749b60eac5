import { sql, type SQL } from 'drizzle-orm';
import type { SkipReason } from '../../../domain/provider.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';

/** A slice looks at so many struck items again: two pages' worth, so that new mail never waits. */
const struckPerSliceMax = 400;

export interface StruckItem {
  uid: number;
  /** The numbering of the folder that the UID belongs to. */
  uidValidity: string;
  reason: SkipReason;
}

/** By folder. */
export type StruckItems = ReadonlyMap<string, StruckItem[]>;

/**
 * Items that failed and are not quarantined yet, of folders that a slice can read: what it can't try
 * must not take the place of what it can. Folder by folder, so that a folder is asked about once.
 */
export async function listStruckItems(
  tx: Tx,
  { tenantId, connectionId }: Licence,
): Promise<StruckItems> {
  const struck = sql`tenant_id = ${tenantId} and quarantined_at is null`;
  const rows = await tx.execute<{
    folder_id: string;
    uid: string;
    uid_validity: string;
    reason: SkipReason;
  }>(sql`
    select folder.id as folder_id, item.uid, folder.uid_validity, item.reason
    from (
      select distinct folder_id as id from skips where ${struck} and connection_id = ${connectionId}
    ) struck cross join lateral (
      select f.id, coalesce(f.uid_validity, '') as uid_validity
      from folders f join collections c on c.tenant_id = f.tenant_id and c.id = f.id
      where f.tenant_id = ${tenantId} and f.id = struck.id and f.hidden_at is null
        and not f.excluded and c.trouble is null and not ${heldAsWhole({ tenantId, connectionId })}
      offset 0
    ) folder cross join lateral (
      select uid, reason from skips
      where ${struck} and folder_id = folder.id and uid_validity = folder.uid_validity
      offset 0
    ) item
    order by folder.id, item.uid limit ${struckPerSliceMax}`);
  const folders = new Map<string, StruckItem[]>();
  for (const { folder_id: id, uid, uid_validity: uidValidity, reason } of rows) {
    const items = folders.get(id) ?? [];
    items.push({ uid: Number(uid), uidValidity, reason });
    folders.set(id, items);
  }
  return folders;
}

/** Whether folder `f` shows only what the brake holds: as a rule it is itself missing from the listing. */
function heldAsWhole({ tenantId, connectionId }: Pick<Licence, 'tenantId' | 'connectionId'>): SQL {
  const ofFolder = sql`p.tenant_id = ${tenantId} and p.folder_id = f.id and p.hidden_at is null`;
  return sql`(exists (select from placements p where ${ofFolder}
      and p.connection_id = ${connectionId} and p.missing_at is not null)
    and not exists (select from placements p where ${ofFolder} and p.missing_at is null))`;
}

/** Items that are gone at the provider need no strike any more. */
export async function dropStrikes(
  tx: Tx,
  licence: Licence,
  { id, uidValidity }: { id: string; uidValidity: string },
  uids: number[],
): Promise<void> {
  await tx.execute(sql`
    delete from skips where tenant_id = ${licence.tenantId} and folder_id = ${id}
      and uid_validity = ${uidValidity} and uid = any(${sql.param(uids)}::bigint[])`);
}
