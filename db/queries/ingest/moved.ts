import { sql, type SQL } from 'drizzle-orm';
import { OvertakenError } from '../../../domain/failure.ts';
import type { MovedItem } from '../../../domain/mail-writer.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { mergeTwins, type TwinRows } from './merge-twins.ts';
import { takeTurns } from './take-turns.ts';
import { settleHomeless } from './vanished.ts';

export interface MovedPlaces {
  from: { folderId: string; uidValidity: string };
  toFolderId: string;
  moved: MovedItem[];
}

/**
 * Stores what the provider said of a move of ours: each message stands at its new UID and keeps its
 * id, its old place is hidden with a tombstone. Call it inside `withFence`. The version of the new
 * place is unknown and the least there is, so that the next look at the folder completes it.
 * @throws OvertakenError when the target was found gone meanwhile
 */
export async function storeMoved(
  tx: Tx,
  licence: Licence,
  { from, toFolderId, moved }: MovedPlaces,
): Promise<void> {
  if (moved.length === 0) return;
  await takeTurns(tx, licence);
  const { tenantId, connectionId } = licence;
  const shown = await tx.execute(sql`
    select from folders
    where tenant_id = ${tenantId} and id = ${toFolderId} and hidden_at is null`);
  // The next look finds the messages wherever the folder is now.
  if (shown.length === 0) throw new OvertakenError('The target is no longer shown.');
  const pairs = pairsOf(moved);
  const doubles = await findDoubles(tx, licence, { from, toFolderId, moved });
  const placed = await tx.execute<{ fresh: boolean }>(sql`
    with hidden as (
      select p.uid from placements p join ${pairs} on p.uid = moved.new_uid
      where p.tenant_id = ${tenantId} and p.folder_id = ${toFolderId}
        and p.uid = any(${newUidsOf(moved)}) and p.hidden_at is not null
    )
    insert into placements as old (
      tenant_id, connection_id, folder_id, uid, message_id, flags, label_ids, version
    )
    select ${tenantId}, ${connectionId}, ${toFolderId}, moved.new_uid, p.message_id, p.flags,
      p.label_ids, 0
    from placements p join ${pairs} on p.uid = moved.uid
    where p.tenant_id = ${tenantId} and p.folder_id = ${from.folderId}
      and p.uid = any(${uidsOf(moved)}) and p.hidden_at is null
    on conflict (tenant_id, folder_id, uid) do update
      set message_id = excluded.message_id, hidden_at = null, missing_at = null
    returning xmax = 0 or exists (select from hidden where hidden.uid = old.uid) as fresh`);
  await countPlaces(tx, licence, toFolderId, placed.filter(({ fresh }) => fresh).length);
  await leave(tx, licence, from, moved);
  // Another that was only met here goes; one that had claimed the place is where it was before.
  await mergeTwins(
    tx,
    licence,
    doubles.filter(({ onlyHere }) => onlyHere),
  );
  const claimants = doubles.filter(({ onlyHere }) => !onlyHere).map(({ twin }) => twin);
  await settleHomeless(tx, licence, claimants, null);
}

/** Messages that the other loop has met at the new places already, each as another one. */
async function findDoubles(
  tx: Tx,
  { tenantId }: Licence,
  { from, toFolderId, moved }: MovedPlaces,
): Promise<(TwinRows & { onlyHere: boolean })[]> {
  return await tx.execute<TwinRows & { onlyHere: boolean } & Record<string, unknown>>(sql`
    select source.message_id as old, there.message_id as twin, not exists (
        select from placements other
        where other.tenant_id = ${tenantId} and other.message_id = there.message_id
          and (other.folder_id, other.uid) <> (there.folder_id, there.uid)) as "onlyHere"
    from ${pairsOf(moved)}
      join placements source on source.uid = moved.uid
      join placements there on there.uid = moved.new_uid
    where source.tenant_id = ${tenantId} and source.folder_id = ${from.folderId}
      and source.uid = any(${uidsOf(moved)}) and source.hidden_at is null
      and there.tenant_id = ${tenantId} and there.folder_id = ${toFolderId}
      and there.uid = any(${newUidsOf(moved)}) and there.message_id <> source.message_id`);
}

/** Named beside every join on them: joined only, they are compared with the whole folder. */
const uidsOf = (moved: MovedItem[]): SQL =>
  sql`${sql.param(moved.map((item) => item.uid))}::bigint[]`;

const newUidsOf = (moved: MovedItem[]): SQL =>
  sql`${sql.param(moved.map((item) => item.newUid))}::bigint[]`;

const pairsOf = (moved: MovedItem[]): SQL =>
  sql`unnest(${uidsOf(moved)}, ${newUidsOf(moved)}) as moved (uid, new_uid)`;

async function leave(
  tx: Tx,
  licence: Licence,
  { folderId, uidValidity }: MovedPlaces['from'],
  moved: MovedItem[],
): Promise<void> {
  const { tenantId, connectionId } = licence;
  const uids = uidsOf(moved);
  await tx.execute(sql`
    insert into tombstones (tenant_id, connection_id, folder_id, uid_validity, uid)
    select ${tenantId}, ${connectionId}, ${folderId}, ${uidValidity}, uid
    from unnest(${uids}) as gone (uid)
    on conflict do nothing`);
  const hidden = await tx.execute(sql`
    update placements set hidden_at = steward_now(), missing_at = null
    where tenant_id = ${tenantId} and folder_id = ${folderId} and uid = any(${uids})
      and hidden_at is null
    returning uid`);
  await countPlaces(tx, licence, folderId, -hidden.length);
}

async function countPlaces(
  tx: Tx,
  { tenantId }: Licence,
  folderId: string,
  delta: number,
): Promise<void> {
  await tx.execute(sql`
    update collections set stored = stored + ${delta}
    where tenant_id = ${tenantId} and id = ${folderId}`);
}
