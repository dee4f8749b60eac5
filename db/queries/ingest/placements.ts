import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import type { PageToStore } from './store-page.ts';

/**
 * Messages that lost their place within the undo window, or whose every place is held as missing,
 * and that appear again in this page, by UID: the same message moved, was renumbered, or came back.
 * It keeps its id. Of several the oldest is taken: the younger are places where it stood in between.
 */
export async function claimTwins(
  tx: Tx,
  licence: Licence,
  { page, folderId }: PageToStore,
): Promise<Map<number, string>> {
  if (page.messages.length === 0) return new Map();
  const twinIndexes = [...new Set(page.messages.map((message) => message.twinIndex))];
  const rows = await tx.execute<{ id: string; twin_index: string }>(sql`
    select m.id, m.twin_index
    from unnest(${sql.param(twinIndexes)}::uuid[]) as wanted (key) cross join lateral (
      select id, connection_id, twin_index, hidden_at, created_at from messages
      where tenant_id = ${licence.tenantId} and twin_index = wanted.key offset 0
    ) m
    where m.connection_id = ${licence.connectionId}
      and (
        exists (select from messages where tenant_id = ${licence.tenantId}
          and connection_id = ${licence.connectionId} and hidden_at is not null)
        or exists (select from placements where tenant_id = ${licence.tenantId}
          and folder_id = ${folderId} and uid < 0)
        or exists (select from placements where tenant_id = ${licence.tenantId}
          and connection_id = ${licence.connectionId} and missing_at is not null)
      )
      and (m.hidden_at is not null or exists (
        select from placements p where p.tenant_id = ${licence.tenantId} and p.message_id = m.id
          and p.folder_id = ${folderId} and p.uid < 0
      ) or not exists (
        select from placements p where p.tenant_id = ${licence.tenantId} and p.message_id = m.id
          and p.hidden_at is null and p.missing_at is null
      ))
    order by m.created_at, m.id`);
  const homeless = new Map<string, string[]>();
  for (const { id, twin_index: twin } of rows) {
    homeless.set(twin, [...(homeless.get(twin) ?? []), id]);
  }
  const claimed = new Map<number, string>();
  for (const { uid, id, twinIndex } of page.messages) {
    const candidates = homeless.get(twinIndex);
    if (!candidates || candidates.length === 0) continue;
    const own = candidates.indexOf(id);
    claimed.set(uid, candidates.splice(Math.max(own, 0), 1)[0]!);
  }
  return claimed;
}

/**
 * Puts the page's messages into their folder, except UIDs with a tombstone. An older version never
 * overwrites a newer one. Returns which message owns each UID, and how many places are new.
 */
export async function placeMessages(
  tx: Tx,
  licence: Licence,
  { page, folderId, uidValidity }: PageToStore,
  twins: Map<number, string>,
): Promise<{ owners: Map<number, string>; stored: number }> {
  const { messages } = page;
  if (messages.length === 0) return { owners: new Map(), stored: 0 };
  const uids = sql.param(messages.map((m) => m.uid));
  const rows = await tx.execute<{ uid: string; message_id: string; fresh: boolean }>(sql`
    with hidden as (
      select old.uid from unnest(${uids}::bigint[]) as wanted (uid) cross join lateral (
        select uid, hidden_at from placements where tenant_id = ${licence.tenantId}
          and folder_id = ${folderId} and uid = wanted.uid offset 0
      ) old
      where old.hidden_at is not null
    )
    insert into placements as old (
      tenant_id, connection_id, folder_id, uid, message_id, flags, label_ids, version
    )
    select ${licence.tenantId}, ${licence.connectionId}, ${folderId}, page.uid, message_id, flags,
      label_ids::uuid[], version
    from unnest(
      ${uids}::bigint[],
      ${sql.param(messages.map((m) => twins.get(m.uid) ?? m.id))}::uuid[],
      ${sql.param(messages.map((m) => m.flags))}::smallint[],
      ${sql.param(messages.map((m) => `{${m.labelIds.join(',')}}`))}::text[],
      ${sql.param(messages.map((m) => String(m.version)))}::bigint[]
    ) as page (uid, message_id, flags, label_ids, version)
      left join lateral (
        select true as gone from tombstones t where t.tenant_id = ${licence.tenantId}
          and t.folder_id = ${folderId} and t.uid_validity = ${uidValidity} and t.uid = page.uid
        offset 0
      ) tombstone on true
    where tombstone.gone is null
    on conflict (tenant_id, folder_id, uid) do update set
      flags = case when excluded.version >= old.version then excluded.flags else old.flags end,
      label_ids =
        case when excluded.version >= old.version then excluded.label_ids else old.label_ids end,
      version = greatest(excluded.version, old.version),
      hidden_at = null, missing_at = null
    returning uid, message_id,
      xmax = 0 or exists (select from hidden where hidden.uid = old.uid) as fresh`);
  const owners = new Map(rows.map((row) => [Number(row.uid), row.message_id]));
  // A place that is taken already, or has a tombstone, does not get the message that claimed it.
  const placed = [...twins].filter(([uid, id]) => owners.get(uid) === id).map(([, id]) => id);
  await unhide(tx, licence, placed);
  await leaveMissingPlaces(tx, licence, placed, { page, folderId });
  const left = await leaveOldNumbering(tx, licence, folderId, placed);
  return { owners, stored: rows.filter(({ fresh }) => fresh).length - left };
}

/**
 * What stood under the old numbering stands under the new one now; a message that did not get the
 * place that it claimed is looked for on. Returns how many visible places went.
 */
async function leaveOldNumbering(
  tx: Tx,
  { tenantId }: Licence,
  folderId: string,
  messageIds: string[],
): Promise<number> {
  if (messageIds.length === 0) return 0;
  const left = await tx.execute<{ visible: boolean }>(sql`
    delete from placements where tenant_id = ${tenantId} and folder_id = ${folderId}
      and uid < 0 and message_id = any(${sql.param(messageIds)}::uuid[])
    returning hidden_at is null as visible`);
  return left.filter(({ visible }) => visible).length;
}

/**
 * A message that was missing at its old place stands at a new one now: it was moved, and nobody
 * has to be asked. Places that this page shows again are left to it.
 */
async function leaveMissingPlaces(
  tx: Tx,
  licence: Licence,
  messageIds: string[],
  { page, folderId }: Pick<PageToStore, 'page' | 'folderId'>,
): Promise<void> {
  if (messageIds.length === 0) return;
  const here = sql.param(page.messages.map(({ uid }) => uid));
  await tx.execute(sql`
    with moved as (
      update placements set hidden_at = steward_now(), missing_at = null
      where tenant_id = ${licence.tenantId} and message_id = any(${sql.param(messageIds)}::uuid[])
        and missing_at is not null and hidden_at is null
        and not (folder_id = ${folderId} and uid = any(${here}::bigint[]))
      returning folder_id, uid
    ), left_behind as (
      insert into tombstones (tenant_id, connection_id, folder_id, uid_validity, uid)
      select f.tenant_id, f.connection_id, f.id, f.uid_validity, moved.uid
      from moved join folders f on f.tenant_id = ${licence.tenantId} and f.id = moved.folder_id
      where moved.uid > 0 and f.uid_validity is not null
      on conflict do nothing
    )
    update collections c set stored = c.stored - lost.count
    from (select folder_id, count(*)::int as count from moved group by folder_id) lost
    where c.tenant_id = ${licence.tenantId} and c.id = lost.folder_id`);
}

async function unhide(tx: Tx, licence: Licence, messageIds: string[]): Promise<void> {
  if (messageIds.length === 0) return;
  await tx.execute(sql`
    update messages set hidden_at = null
    where tenant_id = ${licence.tenantId} and id = any(${sql.param(messageIds)}::uuid[])`);
}
