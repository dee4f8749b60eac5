import { sql } from 'drizzle-orm';
import type { FolderRole } from '../../../domain/mail.ts';
import type { Cursor } from '../../../domain/provider.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { settleHomeless } from '../ingest/vanished.ts';

/** A folder of the store with its collection: cursors and counts. */
export interface StoredFolder {
  id: string;
  /** Sealed `{path, ref}`; empty at folders that are not in the store yet. */
  name: Uint8Array;
  role: FolderRole | null;
  uidValidity: string | null;
  excluded: boolean;
  hidden: boolean;
  liveCursor: Cursor | null;
  backfillCursor: Cursor | null;
  backfillDone: boolean;
  mark: string | null;
  stored: number;
  expected: number;
}

export async function listStoredFolders(
  tx: Tx,
  { tenantId, connectionId }: { tenantId: string; connectionId: string },
): Promise<StoredFolder[]> {
  return await tx.execute<StoredFolder & Record<string, unknown>>(sql`
    select f.id, f.name, f.role, f.uid_validity as "uidValidity", f.excluded,
      f.hidden_at is not null as hidden, c.live_cursor as "liveCursor",
      c.backfill_cursor as "backfillCursor", c.backfill_done as "backfillDone", c.mark, c.stored,
      c.expected
    from folders f join collections c on c.tenant_id = f.tenant_id and c.id = f.id
    where f.tenant_id = ${tenantId} and f.connection_id = ${connectionId}
    order by f.id`);
}

export interface FolderToStore {
  id: string;
  name: Uint8Array;
  role: FolderRole | undefined;
  uidValidity: string | undefined;
  excluded: boolean;
  messages: number;
}

/** Writes the provider's listing: new folders, changed roles, and what it holds of each. */
export async function storeFolders(
  tx: Tx,
  { tenantId, connectionId }: Licence,
  listed: FolderToStore[],
): Promise<void> {
  for (const folder of listed) {
    await tx.execute(sql`
      insert into folders (tenant_id, connection_id, id, name, role, uid_validity, excluded)
      values (${tenantId}, ${connectionId}, ${folder.id}, ${sql.param(folder.name)},
        ${folder.role ?? null}, ${folder.uidValidity ?? null}, ${folder.excluded})
      on conflict (tenant_id, id) do update set role = excluded.role, hidden_at = null,
        excluded = excluded.excluded,
        uid_validity = case when exists (select from collections c
            where c.tenant_id = folders.tenant_id and c.id = folders.id
              and c.live_cursor is not null)
          then folders.uid_validity else excluded.uid_validity end`);
    await tx.execute(sql`
      insert into collections (tenant_id, connection_id, id, expected)
      values (${tenantId}, ${connectionId}, ${folder.id}, ${folder.messages})
      on conflict (tenant_id, id) do nothing`);
  }
}

/**
 * Hides folders that a complete listing did not show, with what only they held. What was moved out
 * of them since `caughtUpAt`, and is stored at its new place already, keeps its id.
 */
export async function hideFolders(
  tx: Tx,
  licence: Licence,
  ids: string[],
  caughtUpAt: Date | null,
): Promise<number> {
  if (ids.length === 0) return 0;
  await tx.execute(sql`
    update folders set hidden_at = steward_now()
    where tenant_id = ${licence.tenantId} and id = any(${sql.param(ids)}::uuid[])`);
  return await emptyFolders(tx, licence, ids, caughtUpAt);
}

/**
 * Hides what only these folders held, and forgets their positions: mail of a folder that is gone, or
 * that the member keeps out from now on. Within the undo window it comes back with the folder.
 */
export async function emptyFolders(
  tx: Tx,
  licence: Licence,
  ids: string[],
  caughtUpAt: Date | null,
): Promise<number> {
  if (ids.length === 0) return 0;
  const lost = await tx.execute<{ message_id: string }>(sql`
    update placements set hidden_at = steward_now()
    where tenant_id = ${licence.tenantId} and folder_id = any(${sql.param(ids)}::uuid[])
      and hidden_at is null
    returning message_id`);
  await settleHomeless(
    tx,
    licence,
    lost.map((row) => row.message_id),
    caughtUpAt,
  );
  await tx.execute(sql`
    update collections set stored = 0, live_cursor = null, backfill_cursor = null,
      backfill_done = false, mark = null
    where tenant_id = ${licence.tenantId} and id = any(${sql.param(ids)}::uuid[])`);
  return lost.length;
}

/** The provider's counters, once the store equals them; null while something is left to do. */
export async function recordMark(
  tx: Tx,
  licence: Licence,
  folderId: string,
  { mark, messages }: { mark: string | null; messages: number },
): Promise<void> {
  await tx.execute(sql`
    update collections c set mark = ${mark},
      expected = case when exists (select from connections n where n.tenant_id = c.tenant_id
        and n.id = c.connection_id and n.backfill_since is null) then ${messages}
        else c.expected end
    where c.tenant_id = ${licence.tenantId} and c.id = ${folderId}`);
}
