import { sql } from 'drizzle-orm';
import type { FolderRole } from '../../../domain/mail.ts';
import type { Cursor } from '../../../domain/provider.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { holdDeletions, visiblePlaces, type MissingPlaces } from '../ingest/brake.ts';
import { historyBeginning } from '../ingest/cursors.ts';
import { takeTurns } from '../ingest/take-turns.ts';
import { inStepSince } from '../ingest/in-step.ts';
import { dropStrikesOf } from '../ingest/strikes.ts';
import { settleHomeless } from '../ingest/vanished.ts';

/** A folder of the store with its collection: cursors and counts. */
export interface StoredFolder {
  id: string;
  /** Blind index of the provider's name of it; the id itself until the folder is renamed. */
  nameIndex: string;
  /** Blind index of the provider's own id of the folder, where it gives one. */
  objectIndex: string | null;
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
  trouble: string | null;
  stored: number;
  expected: number;
}

export async function listStoredFolders(
  tx: Tx,
  { tenantId, connectionId }: { tenantId: string; connectionId: string },
): Promise<StoredFolder[]> {
  return await tx.execute<StoredFolder & Record<string, unknown>>(sql`
    select f.id, coalesce(f.ref_index, f.id) as "nameIndex",
      f.object_index as "objectIndex", f.name, f.role,
      f.uid_validity as "uidValidity", f.excluded,
      f.hidden_at is not null as hidden, c.live_cursor as "liveCursor",
      c.backfill_cursor as "backfillCursor", c.backfill_done as "backfillDone", c.mark,
      c.trouble, c.stored, c.expected
    from folders f join collections c on c.tenant_id = f.tenant_id and c.id = f.id
    where f.tenant_id = ${tenantId} and f.connection_id = ${connectionId}
    order by f.id`);
}

/**
 * Hides a folder that is gone, with what only it held. What is merely missing from a listing passes
 * the brake: a folder whose items are held stays visible. Returns how many places were hidden.
 */
export async function hideFolder(
  tx: Tx,
  licence: Licence,
  folderId: string,
  { inferred, ...seen }: { caughtUpAt: Date | null; inferred: boolean },
): Promise<number> {
  await takeTurns(tx, licence);
  const caughtUpAt = await inStepSince(tx, licence, folderId, seen.caughtUpAt);
  if (inferred) await holdDeletions(tx, licence, { folderId, which: sql`true`, caughtUpAt });
  const which = inferred ? sql`p.missing_at is null` : sql`true`;
  const lost = await hidePlaces(tx, licence, { folderId, which, caughtUpAt });
  const hidden = await tx.execute(sql`
    update folders f set hidden_at = steward_now()
    where f.tenant_id = ${licence.tenantId} and f.id = ${folderId} and f.hidden_at is null
      and not exists (select from placements p where ${visiblePlaces(licence, folderId)})
    returning f.id`);
  if (hidden.length > 0) await forgetPosition(tx, licence, folderId);
  // Of a folder that is held there is no history to read, so none is waited for.
  else {
    await tx.execute(sql`
      update collections set mark = null, backfill_done = true
      where tenant_id = ${licence.tenantId} and id = ${folderId}`);
  }
  return lost;
}

/**
 * Hides what only a folder held that the member keeps out from now on. Within the undo window it
 * comes back with the folder.
 */
export async function emptyFolder(
  tx: Tx,
  licence: Licence,
  folderId: string,
  seenAt: Date | null,
): Promise<number> {
  await takeTurns(tx, licence);
  const caughtUpAt = await inStepSince(tx, licence, folderId, seenAt);
  const lost = await hidePlaces(tx, licence, { folderId, which: sql`true`, caughtUpAt });
  await forgetPosition(tx, licence, folderId);
  return lost;
}

async function hidePlaces(
  tx: Tx,
  licence: Licence,
  { folderId, which, caughtUpAt }: MissingPlaces,
): Promise<number> {
  const lost = await tx.execute<{ message_id: string }>(sql`
    update placements p set hidden_at = steward_now(), missing_at = null
    where ${visiblePlaces(licence, folderId)} and ${which}
    returning message_id`);
  await settleHomeless(
    tx,
    licence,
    lost.map((row) => row.message_id),
    caughtUpAt,
  );
  await tx.execute(sql`
    update collections set stored = stored - ${lost.length}
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
  return lost.length;
}

async function forgetPosition(tx: Tx, licence: Licence, folderId: string): Promise<void> {
  await tx.execute(sql`
    update collections set live_cursor = null, backfill_cursor = ${historyBeginning},
      backfill_done = false, mark = null, in_step_until = null
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
  // Nobody looks at them any more, and what comes back with the folder is read from the beginning.
  await dropStrikesOf(tx, licence, [folderId]);
}

/** What a folder's newest messages are recognised by, if they turn up under another name. */
export async function sampleTwins(
  tx: Tx,
  { tenantId }: { tenantId: string },
  folderId: string,
  limit: number,
): Promise<Map<number, string>> {
  const rows = await tx.execute<{ uid: string; twin_index: string }>(sql`
    select p.uid, m.twin_index
    from placements p join messages m on m.tenant_id = p.tenant_id and m.id = p.message_id
    where p.tenant_id = ${tenantId} and p.folder_id = ${folderId} and p.hidden_at is null
      and p.uid > 0
    order by p.uid desc limit ${limit}`);
  return new Map(rows.map((row) => [Number(row.uid), row.twin_index]));
}

/** What a look at a folder goes by: how the folder stood when the look began, and its counters. */
export interface LookedAt {
  /** The mark that was stored then, and whether the history was. */
  from: string | null;
  historyDone: boolean;
  /** The counters' mark that the look began with. */
  mark: string | null;
  messages: number;
}

/**
 * The provider's counters, once the store equals them; null while something is left to do. `from`
 * is the mark before the look: where somebody voided it meanwhile, another look is due.
 */
export async function recordMark(
  tx: Tx,
  licence: Licence,
  folderId: string,
  { from, historyDone, mark, messages }: LookedAt,
): Promise<void> {
  const current = sql`c.mark is not distinct from ${from} and c.backfill_done = ${historyDone}`;
  await tx.execute(sql`
    update collections c
      set mark = case when ${current} then ${mark} end,
      in_step_until = case when not (${current} and c.backfill_done) then c.in_step_until end,
      expected = case when exists (select from connections n where n.tenant_id = c.tenant_id
        and n.id = c.connection_id and n.backfill_since is null) then ${messages}
        else c.expected end
    where c.tenant_id = ${licence.tenantId} and c.id = ${folderId}`);
}

/**
 * Why the provider will not hand out a collection that it lists; null when it does again. The others
 * go on meanwhile: this one was in step with them when they were `caughtUpAt` at the latest.
 */
export async function recordTrouble(
  tx: Tx,
  licence: Licence,
  folderId: string,
  { trouble, caughtUpAt }: { trouble: string | null; caughtUpAt: Date | null },
): Promise<void> {
  const since = caughtUpAt?.toISOString() ?? null;
  const behind = sql`, mark = null, in_step_until = coalesce(in_step_until, ${since})`;
  await tx.execute(sql`
    update collections set trouble = ${trouble}${trouble === null ? sql`` : behind}
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
}
