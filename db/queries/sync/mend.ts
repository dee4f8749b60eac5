import { sql, type SQL } from 'drizzle-orm';
import { folderHangsUpCode } from '../../../domain/failure.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { takeTurns } from '../ingest/take-turns.ts';

/** How long a reconciliation's rows can be looked up. */
const reconciliationDays = 30;

/**
 * Counts a folder's places anew. The collection is locked first, in a statement of its own: a page
 * that is being stored adds its own difference afterwards.
 */
export async function recountFolder(tx: Tx, licence: Licence, folderId: string): Promise<void> {
  const ofFolder = sql`tenant_id = ${licence.tenantId} and id = ${folderId}`;
  await tx.execute(sql`select from collections where ${ofFolder} for update`);
  await tx.execute(sql`
    update collections set stored = counted.stored from (
      select count(*)::int as stored from placements
      where tenant_id = ${licence.tenantId} and folder_id = ${folderId} and hidden_at is null
    ) counted
    where ${ofFolder} and collections.stored <> counted.stored`);
}

/**
 * What is found to be mended is mended so many rows a transaction: people's changes and the tenant's
 * pages wait for it.
 */
export const mendBatch = 2_000;

/**
 * Messages that stand in no folder: doubled rows, and rows that lost their place. Takes no lock: ask
 * again before hiding them.
 */
export async function findUnplaced(tx: Tx, { tenantId, connectionId }: Licence): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    select m.id from messages m
    where m.tenant_id = ${tenantId} and m.connection_id = ${connectionId} and ${isUnplaced(tenantId)}
    limit ${mendBatch}`);
  return rows.map(({ id }) => id);
}

/**
 * Hides those that still stand in no folder; they are erased after the undo window. Returns how many,
 * and notes them as a row without a folder.
 */
export async function hideUnplaced(tx: Tx, licence: Licence, ids: string[]): Promise<number> {
  const { tenantId, connectionId } = licence;
  await takeTurns(tx, licence);
  const hidden = await tx.execute(sql`
    update messages m set hidden_at = steward_now()
    where m.tenant_id = ${tenantId} and m.id = any(${sql.param(ids)}::uuid[])
      and ${isUnplaced(tenantId)}
    returning m.id`);
  if (hidden.length > 0) {
    await tx.execute(sql`
      insert into reconciliations (tenant_id, connection_id, id, finished_at, extra)
      values (${tenantId}, ${connectionId}, gen_random_uuid(), steward_now(), ${hidden.length})`);
  }
  return hidden.length;
}

/** Of `messages m`. By key, so that no other mailbox's places are read. */
function isUnplaced(tenantId: string): SQL {
  return sql`m.hidden_at is null and not exists (select from placements p
    where p.tenant_id = ${tenantId} and p.message_id = m.id and p.hidden_at is null offset 0)`;
}

/** Erases rows that only served messages which are gone, and what is too old to be looked up. */
export async function eraseRemains(tx: Tx, licence: Licence): Promise<void> {
  const { tenantId, connectionId } = licence;
  await takeTurns(tx, licence);
  const of = (alias: SQL) => sql`
    ${alias}.tenant_id = ${tenantId} and ${alias}.connection_id = ${connectionId}`;
  const torn = sql`not exists (select from messages m
    where m.tenant_id = ${tenantId} and m.id = p.message_id offset 0)`;
  await tx.execute(sql`
    delete from placements p where ${of(sql`p`)} and p.hidden_at is not null and ${torn}`);
  await tx.execute(sql`
    delete from placements p where p.tenant_id = ${tenantId} and p.uid < 0
      and p.folder_id = any(array(select f.id from folders f where ${of(sql`f`)})) and ${torn}`);
  await tx.execute(sql`
    delete from thread_references r where ${of(sql`r`)} and not exists (select from messages m
      where m.tenant_id = ${tenantId} and m.thread_id = r.thread_id offset 0)`);
  const shown = (alias: SQL) => sql`f.tenant_id = ${tenantId} and f.id = ${alias}.folder_id
    and f.hidden_at is null`;
  await tx.execute(sql`
    delete from skips k where ${of(sql`k`)} and not exists (select from folders f
      where ${shown(sql`k`)} and not f.excluded and coalesce(f.uid_validity, '') = k.uid_validity
      offset 0)`);
  await tx.execute(sql`
    delete from reconciliations r where ${of(sql`r`)}
      and (r.started_at < steward_now() - make_interval(days => ${reconciliationDays})
        or (r.finished_at is null and not exists (select from folders f
          where ${shown(sql`r`)} offset 0)))`);
}

/**
 * Lets history that could not be imported because the server hung up at it be tried once more. Called
 * once a day: each try costs connections.
 */
export async function releaseHangUps(tx: Tx, { tenantId, connectionId }: Licence): Promise<void> {
  await tx.execute(sql`
    update collections set trouble = null
    where tenant_id = ${tenantId} and connection_id = ${connectionId}
      and trouble = ${folderHangsUpCode} and not backfill_done and live_cursor is not null`);
}
