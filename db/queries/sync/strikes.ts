import { sql } from 'drizzle-orm';
import type { SkipReason } from '../../../domain/provider.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';

/** A slice looks at so many struck items again: two pages' worth, so that new mail never waits. */
const struckPerSliceMax = 400;

export interface StruckItem {
  uid: number;
  reason: SkipReason;
}

/** By folder. */
export type StruckItems = ReadonlyMap<string, StruckItem[]>;

/** Items that failed and are not quarantined yet. */
export async function listStruckItems(
  tx: Tx,
  { tenantId, connectionId }: Licence,
): Promise<StruckItems> {
  const rows = await tx.execute<{ folder_id: string; uid: string; reason: SkipReason }>(sql`
    select folder_id, uid, reason from skips
    where tenant_id = ${tenantId} and connection_id = ${connectionId} and quarantined_at is null
    order by folder_id, uid limit ${struckPerSliceMax}`);
  const folders = new Map<string, StruckItem[]>();
  for (const { folder_id: id, uid, reason } of rows) {
    const items = folders.get(id) ?? [];
    items.push({ uid: Number(uid), reason });
    folders.set(id, items);
  }
  return folders;
}

/** Items that are gone at the provider need no strike any more. */
export async function dropStrikes(
  tx: Tx,
  licence: Licence,
  folderId: string,
  uids: number[],
): Promise<void> {
  await tx.execute(sql`
    delete from skips where tenant_id = ${licence.tenantId} and folder_id = ${folderId}
      and uid = any(${sql.param(uids)}::bigint[])`);
}
