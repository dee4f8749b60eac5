import { sql } from 'drizzle-orm';
import type { IntentKind } from '../../../domain/intent.ts';
import type { Tx } from '../../client.ts';

/** How long a finished intent can still be looked up; a refusal nobody reads by then is stale. */
const finishedDays = 30;

interface ConnectionKey {
  tenantId: string;
  connectionId: string;
}

export interface PendingIntent {
  id: string;
  /** The order in which they were asked for; a bigint as text. */
  position: string;
  kind: IntentKind;
  messageId: string | null;
  folderId: string | null;
  addFlags: number;
  removeFlags: number;
  /** Sealed `IntentContent`. */
  change: Uint8Array | null;
  attempts: number;
  /** What the last attempt failed with. */
  reason: string | null;
  copiesFrom: string | null;
}

/**
 * What is left to carry out behind a position, in the order in which it was asked for: by the column,
 * which is a number, and not by the text of the same name that the list shows.
 */
export async function listPendingIntents(
  tx: Tx,
  { tenantId, connectionId }: ConnectionKey,
  afterPosition: string,
  limit: number,
): Promise<PendingIntent[]> {
  return await tx.execute<PendingIntent & Record<string, unknown>>(sql`
    select i.id, i.position::text, i.kind, i.message_id as "messageId", i.folder_id as "folderId",
      i.add_flags as "addFlags", i.remove_flags as "removeFlags", i.change, i.attempts, i.reason,
      i.copies_from::text as "copiesFrom"
    from intents i
    where i.tenant_id = ${tenantId} and i.connection_id = ${connectionId} and i.state = 'pending'
      and i.position > ${afterPosition}
    order by i.position limit ${limit}`);
}

/** Counts an attempt before it is made: one that kills the process counts too. */
export async function recordAttempt(
  tx: Tx,
  { tenantId }: ConnectionKey,
  ids: string[],
): Promise<void> {
  await tx.execute(sql`
    update intents set attempts = attempts + 1, attempted_at = steward_now()
    where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[])`);
}

/** Notes from which UID on a copy of ours can stand in a move's target; the first note stays. */
export async function recordCopiesFrom(
  tx: Tx,
  { tenantId }: ConnectionKey,
  ids: string[],
  uid: number,
): Promise<void> {
  await tx.execute(sql`
    update intents set copies_from = coalesce(copies_from, ${uid})
    where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[])`);
}

/** Keeps what an attempt failed with, for the refusal if it was the last one. */
export async function recordAttemptFailure(
  tx: Tx,
  { tenantId }: ConnectionKey,
  ids: string[],
  reason: string,
): Promise<void> {
  await tx.execute(sql`
    update intents set reason = ${reason}
    where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[]) and state = 'pending'`);
}

/** The provider shows the effect. `folderId` names the folder that was created. */
export async function recordDone(
  tx: Tx,
  { tenantId }: ConnectionKey,
  ids: string[],
  folderId: string | null = null,
): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(sql`
    update intents set state = 'done', reason = null, finished_at = steward_now(),
      folder_id = coalesce(${folderId}::uuid, folder_id)
    where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[]) and state = 'pending'`);
}

/** The provider will not have it; the overlay goes and the reason is shown. */
export async function recordRefused(
  tx: Tx,
  { tenantId }: ConnectionKey,
  refusals: { id: string; reason: string }[],
): Promise<void> {
  if (refusals.length === 0) return;
  await tx.execute(sql`
    update intents i set state = 'refused', reason = refused.reason, finished_at = steward_now()
    from unnest(
      ${sql.param(refusals.map(({ id }) => id))}::uuid[],
      ${sql.param(refusals.map(({ reason }) => reason))}::text[]
    ) as refused (id, reason)
    where i.tenant_id = ${tenantId} and i.id = refused.id and i.state = 'pending'`);
}

/**
 * Which of these messages lost their last place, and may turn up elsewhere: with the next complete
 * look where that was since all folders were known to be in step, or with the history of a folder
 * that is being imported, as one under a new name is.
 */
export async function listLatelyHidden(
  tx: Tx,
  { tenantId }: ConnectionKey,
  messageIds: string[],
  caughtUpAt: Date | null,
): Promise<Map<string, 'look' | 'history'>> {
  if (messageIds.length === 0) return new Map();
  const since = caughtUpAt?.toISOString() ?? '-infinity';
  const rows = await tx.execute<{ id: string; lately: boolean }>(sql`
    select m.id, m.hidden_at >= ${since}::timestamptz as lately
    from messages m where m.tenant_id = ${tenantId}
      and m.id = any(${sql.param(messageIds)}::uuid[]) and m.hidden_at is not null
      and (m.hidden_at >= ${since}::timestamptz or exists (
        select from collections c join folders f on f.tenant_id = c.tenant_id and f.id = c.id
        where c.tenant_id = m.tenant_id and c.connection_id = m.connection_id
          and not c.backfill_done and c.trouble is null and f.hidden_at is null
          and not f.excluded))`);
  return new Map(rows.map(({ id, lately }) => [id, lately ? 'look' : 'history']));
}

/**
 * Which message each of these intents is about now: one that was recognised as moved goes on under
 * its old id, and its intents with it (`adoptTwins`).
 */
export async function listMessagesOfIntents(
  tx: Tx,
  { tenantId }: ConnectionKey,
  ids: string[],
): Promise<Map<string, string | null>> {
  const rows = await tx.execute<{ id: string; message_id: string | null }>(sql`
    select id, message_id from intents
    where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[])`);
  return new Map(rows.map((row) => [row.id, row.message_id]));
}

/**
 * Whether mail that was to leave a folder before its deletion was asked for is still there: its move is
 * pending, or was refused since, and nobody who asked for the deletion knew that.
 */
export async function findUnmoved(
  tx: Tx,
  { tenantId, connectionId }: ConnectionKey,
  deletion: Pick<PendingIntent, 'id' | 'position' | 'folderId'>,
): Promise<'pending' | 'refused' | undefined> {
  const unmoved = sql`i.tenant_id = ${tenantId} and i.connection_id = ${connectionId}
    and i.kind = 'move' and i.position < ${deletion.position}
    and i.folder_id is distinct from ${deletion.folderId}
    and exists (select from placements p where p.tenant_id = ${tenantId}
      and p.message_id = i.message_id and p.folder_id = ${deletion.folderId} and p.hidden_at is null)`;
  const [row] = await tx.execute<{ state: 'pending' | 'refused' }>(sql`
    (select i.state from intents i where i.state = 'pending' and ${unmoved} limit 1)
    union all
    (select i.state from intents i where i.state = 'refused' and ${unmoved}
      and i.finished_at >= (
        select created_at from intents where tenant_id = ${tenantId} and id = ${deletion.id})
      limit 1)
    limit 1`);
  return row?.state;
}

/** Whether a folder is there but kept out of the sync. */
export async function isKeptOut(
  tx: Tx,
  { tenantId }: ConnectionKey,
  folderId: string,
): Promise<boolean> {
  const rows = await tx.execute(sql`
    select from folders
    where tenant_id = ${tenantId} and id = ${folderId} and excluded and hidden_at is null`);
  return rows.length > 0;
}

export interface PlaceOfMessage {
  messageId: string;
  folderId: string;
  uid: number;
  uidValidity: string | null;
  /** Held by the brake: a complete listing did not show it there. */
  missing: boolean;
}

/** Where messages lie now. Below zero: the folder is being renumbered, the place is unknown. */
export async function listPlacesOf(
  tx: Tx,
  { tenantId, connectionId }: ConnectionKey,
  messageIds: string[],
): Promise<PlaceOfMessage[]> {
  const rows = await tx.execute<Omit<PlaceOfMessage, 'uid'> & { uid: string }>(sql`
    select p.message_id as "messageId", p.folder_id as "folderId", p.uid::text,
      f.uid_validity as "uidValidity", p.missing_at is not null as missing
    from placements p join folders f on f.tenant_id = p.tenant_id and f.id = p.folder_id
    where p.tenant_id = ${tenantId} and p.connection_id = ${connectionId}
      and p.message_id = any(${sql.param(messageIds)}::uuid[]) and p.hidden_at is null
    order by p.folder_id, p.uid`);
  return rows.map((row) => ({ ...row, uid: Number(row.uid) }));
}

/** Erases what was finished long ago, at most `limit` intents a call. */
export async function eraseFinishedIntents(
  tx: Tx,
  { tenantId, connectionId }: ConnectionKey,
  limit: number,
): Promise<void> {
  await tx.execute(sql`
    delete from intents where tenant_id = ${tenantId} and id in (
      select id from intents where tenant_id = ${tenantId} and connection_id = ${connectionId}
        and finished_at < steward_now() - make_interval(days => ${finishedDays})
      limit ${limit})`);
}
