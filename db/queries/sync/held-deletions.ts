import { sql, type SQL } from 'drizzle-orm';
import { mayDelete } from '../../../domain/deletion-brake.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { readBrake, visiblePlaces } from '../ingest/brake.ts';
import { takeTurns } from '../ingest/take-turns.ts';
import { inStepSince } from '../ingest/in-step.ts';
import { settleHomeless } from '../ingest/vanished.ts';

/** Folders in which deletions are held. */
export async function listHeldFolders(tx: Tx, licence: Licence): Promise<string[]> {
  const rows = await tx.execute<{ folder_id: string }>(sql`
    select distinct folder_id from placements
    where tenant_id = ${licence.tenantId} and connection_id = ${licence.connectionId}
      and missing_at is not null and hidden_at is null
    order by folder_id`);
  return rows.map((row) => row.folder_id);
}

/** UIDs whose deletion is held, ascending; those of a void numbering are looked for otherwise. */
export async function listHeldUids(
  tx: Tx,
  licence: Licence,
  folderId: string,
  { afterUid, limit }: { afterUid: number; limit: number },
): Promise<number[]> {
  const rows = await tx.execute<{ uid: string }>(sql`
    select p.uid from placements p
    where ${visiblePlaces(licence, folderId)} and p.missing_at is not null
      and p.uid > greatest(${afterUid}, 0)
    order by p.uid limit ${limit}`);
  return rows.map((row) => Number(row.uid));
}

/** Items that the provider shows again: nothing is to be asked about them any more. */
export async function releaseHeld(
  tx: Tx,
  licence: Licence,
  folderId: string,
  uids: number[],
): Promise<void> {
  await tx.execute(sql`
    update placements p set missing_at = null
    where ${visiblePlaces(licence, folderId)}
      and p.uid = any(${sql.param(uids)}::bigint[])`);
}

/**
 * Lets held deletions of a folder pass: those that somebody has confirmed, and all of them once so
 * few are left (the others turned up elsewhere) that nobody would have been asked. At most `limit`
 * a call; returns how many passed.
 */
export async function passHeld(
  tx: Tx,
  licence: Licence,
  folderId: string,
  { caughtUpAt, limit }: { caughtUpAt: Date | null; limit: number },
): Promise<number> {
  await takeTurns(tx, licence);
  const { held, ...facts } = await readBrake(tx, licence, folderId);
  const few = mayDelete({ ...facts, held: 0 }, held);
  const confirmed = sql`p.missing_at <= (select n.deletions_confirmed_at from connections n
    where n.tenant_id = p.tenant_id and n.id = p.connection_id)`;
  const which = sql`${visiblePlaces(licence, folderId)} and p.missing_at is not null
    and ${few ? sql`true` : confirmed}`;
  const passed = await hideHeld(tx, licence, folderId, { which, inferred: few, limit });
  await settleHomeless(tx, licence, passed, await inStepSince(tx, licence, folderId, caughtUpAt));
  return passed.length;
}

/** Returns the message of each place that was hidden. Confirmed deletions leave the brake alone. */
async function hideHeld(
  tx: Tx,
  licence: Licence,
  folderId: string,
  { which, inferred, limit }: { which: SQL; inferred: boolean; limit: number },
): Promise<string[]> {
  const hidden = await tx.execute<{ message_id: string }>(sql`
    with passing as (
      select p.uid from placements p where ${which} order by p.uid limit ${limit}
    ), buried as (
      insert into tombstones (tenant_id, connection_id, folder_id, uid_validity, uid, inferred)
      select f.tenant_id, f.connection_id, f.id, f.uid_validity, passing.uid, ${inferred}
      from passing join folders f on f.tenant_id = ${licence.tenantId} and f.id = ${folderId}
      where passing.uid > 0 and f.uid_validity is not null
      on conflict do nothing
    )
    update placements p set hidden_at = steward_now(), missing_at = null
    from passing
    where ${visiblePlaces(licence, folderId)} and p.uid = passing.uid
    returning p.message_id`);
  await tx.execute(sql`
    update collections set stored = stored - ${hidden.length}
    where tenant_id = ${licence.tenantId} and id = ${folderId}`);
  return hidden.map((row) => row.message_id);
}
