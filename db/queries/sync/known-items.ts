import { sql } from 'drizzle-orm';
import type { KnownItems } from '../../../domain/provider.ts';
import type { Database } from '../../client.ts';
import { withTenant } from '../../tenant.ts';

/**
 * What the store shows of one folder, for adapters that have to compare. What is held as missing
 * is left out: it was reported already.
 */
export function createKnownItems(
  database: Database,
  tenantId: string,
  folderId: string,
  labelId: (keyword: string) => string,
): KnownItems {
  const ids = new Map<string, string>();
  const idOf = (keyword: string): string => {
    const id = ids.get(keyword) ?? labelId(keyword);
    ids.set(keyword, id);
    return id;
  };
  return {
    count: async () =>
      await withTenant(database, tenantId, async (tx) => {
        const [row] = await tx.execute<{ count: number }>(sql`
          select count(*)::int as count from placements
          where tenant_id = ${tenantId} and folder_id = ${folderId} and uid > 0
            and hidden_at is null and missing_at is null`);
        return row!.count;
      }),
    flags: async (afterUid, limit) =>
      await withTenant(database, tenantId, async (tx) => {
        const rows = await tx.execute<{ uid: string; flags: number; labels: string[] }>(sql`
          select uid, flags, label_ids as labels from placements
          where tenant_id = ${tenantId} and folder_id = ${folderId} and uid > ${afterUid}
            and hidden_at is null and missing_at is null
          order by uid limit ${limit}`);
        return rows.map(({ uid, flags, labels }) => ({
          uid: Number(uid),
          flags,
          labels: labels.toSorted().join(),
        }));
      }),
    labelsOf: (keywords) => keywords.map(idOf).toSorted().join(),
  };
}

/** Which message stands at each of these UIDs already; absent where none does. */
export async function findPlacedMessages(
  database: Database,
  tenantId: string,
  folderId: string,
  uids: number[],
): Promise<Map<number, string>> {
  return await withTenant(database, tenantId, async (tx) => {
    const rows = await tx.execute<{ uid: string; message_id: string }>(sql`
      select p.uid, p.message_id
      from unnest(${sql.param(uids)}::bigint[]) as wanted (uid) cross join lateral (
        select uid, message_id from placements
        where tenant_id = ${tenantId} and folder_id = ${folderId} and uid = wanted.uid offset 0
      ) p`);
    return new Map(rows.map((row) => [Number(row.uid), row.message_id]));
  });
}
