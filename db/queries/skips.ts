import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';
import { instantText, olderThan, type ListWindow } from './keyset.ts';

export interface SkipRow {
  id: string;
  folderId: string;
  uid: string;
  uidValidity: string;
  reason: string;
  strikes: number;
  quarantinedAt: string | null;
  createdAt: string;
}

/** Items that were not stored, newest first: quarantined ones and those still being tried. */
export async function listSkips(
  tx: Tx,
  { tenantId, connectionId }: { tenantId: string; connectionId: string },
  { after, limit }: ListWindow,
): Promise<SkipRow[]> {
  return await tx.execute<SkipRow & Record<string, unknown>>(sql`
    select id, folder_id as "folderId", uid::text, uid_validity as "uidValidity", reason, strikes,
      quarantined_at as "quarantinedAt", ${instantText(sql`created_at`)} as "createdAt"
    from skips
    where tenant_id = ${tenantId} and connection_id = ${connectionId}
      and ${olderThan(sql`created_at`, sql`id`, after)}
    order by created_at desc, id desc limit ${limit}`);
}

/** Gives an item all its tries again: the next live slice looks at it. False: no such skip. */
export async function resetStrikes(
  tx: Tx,
  { tenantId, connectionId, id }: { tenantId: string; connectionId: string; id: string },
): Promise<boolean> {
  const rows = await tx.execute(sql`
    update skips set strikes = 0, quarantined_at = null
    where tenant_id = ${tenantId} and connection_id = ${connectionId} and id = ${id}
    returning id`);
  return rows.length > 0;
}
