import { sql } from 'drizzle-orm';
import type { FolderRole } from '../../../domain/mail.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { beginRenumbering } from '../ingest/renumber.ts';
import { dropStrikesOf } from '../ingest/strikes.ts';

export interface FolderToStore {
  id: string;
  nameIndex: string;
  objectIndex: string | null;
  name: Uint8Array;
  role: FolderRole | undefined;
  uidValidity: string | undefined;
  excluded: boolean;
  messages: number;
}

/** Folders of one statement: a name is sealed into a few hundred bytes. */
const storeBatch = 1_000;

/**
 * Writes the provider's listing: new and renamed folders, changed roles, what it holds of each. In
 * the order of the list, so that a name may be left by one folder and taken by a later one.
 */
export async function storeFolders(
  tx: Tx,
  licence: Licence,
  listed: FolderToStore[],
  caughtUpAt: Date | null,
): Promise<void> {
  // A server may list a folder twice; no statement may write a row twice.
  const folders = [...new Map(listed.map((folder) => [folder.id, folder])).values()];
  for (let from = 0; from < folders.length; from += storeBatch) {
    const batch = folders.slice(from, from + storeBatch);
    await voidOldNumberings(tx, licence, batch, caughtUpAt);
    await upsertFolders(tx, licence, batch);
  }
}

async function upsertFolders(
  tx: Tx,
  { tenantId, connectionId }: Licence,
  batch: FolderToStore[],
): Promise<void> {
  const column = <T>(value: (folder: FolderToStore) => T) => sql.param(batch.map(value));
  await tx.execute(sql`
    with listed as (
      select * from unnest(
        ${column(({ id }) => id)}::uuid[],
        ${column(({ name }) => Buffer.from(name).toString('hex'))}::text[],
        ${column(({ role }) => role ?? null)}::text[],
        ${column(({ uidValidity }) => uidValidity ?? null)}::text[],
        ${column(({ excluded }) => String(excluded))}::boolean[],
        ${column(({ id, nameIndex }) => (nameIndex === id ? null : nameIndex))}::uuid[],
        ${column(({ objectIndex }) => objectIndex)}::uuid[],
        ${column(({ messages }) => messages)}::integer[]
      ) with ordinality
        as t (id, name, role, uid_validity, excluded, ref_index, object_index, messages, nth)
    ), opened as (
      insert into collections (tenant_id, connection_id, id, expected)
      select ${tenantId}, ${connectionId}, id, messages from listed
      on conflict (tenant_id, id) do nothing
    )
    insert into folders
      (tenant_id, connection_id, id, name, role, uid_validity, excluded, ref_index, object_index)
    select ${tenantId}, ${connectionId}, id, decode(name, 'hex'), role, uid_validity, excluded,
      ref_index, object_index
    from listed order by nth
    on conflict (tenant_id, id) do update set role = excluded.role, hidden_at = null,
      name = excluded.name, excluded = excluded.excluded, ref_index = excluded.ref_index,
      object_index = excluded.object_index,
      uid_validity = case when exists (select from collections c
          where c.tenant_id = folders.tenant_id and c.id = folders.id
            and c.live_cursor is not null)
        then folders.uid_validity
        else coalesce(excluded.uid_validity, folders.uid_validity) end`);
}

/**
 * A folder without a cursor (made again under its old name, or in a resync) may stand under another
 * numbering than its rows: a UID of theirs means another message now.
 */
async function voidOldNumberings(
  tx: Tx,
  licence: Licence,
  batch: FolderToStore[],
  caughtUpAt: Date | null,
): Promise<void> {
  const numbered = batch.filter(({ uidValidity }) => uidValidity !== undefined);
  const others = await tx.execute<{ id: string; uidValidity: string; placed: boolean }>(sql`
    select f.id, listed.uid_validity as "uidValidity", exists (
      select from placements p where p.tenant_id = f.tenant_id and p.folder_id = f.id) as placed
    from unnest(
      ${sql.param(numbered.map(({ id }) => id))}::uuid[],
      ${sql.param(numbered.map(({ uidValidity }) => uidValidity))}::text[]
    ) as listed (id, uid_validity)
    join folders f on f.tenant_id = ${licence.tenantId} and f.id = listed.id
    join collections c on c.tenant_id = f.tenant_id and c.id = f.id
    where c.live_cursor is null and f.uid_validity is distinct from listed.uid_validity`);
  for (const { id, uidValidity, placed } of others) {
    if (placed) await beginRenumbering(tx, licence, id, uidValidity, caughtUpAt);
  }
  // Nothing of them was stored, so that there is nothing to renumber; but all of it may have failed.
  const empty = others.filter(({ placed }) => !placed).map(({ id }) => id);
  if (empty.length > 0) await dropStrikesOf(tx, licence, empty);
}
