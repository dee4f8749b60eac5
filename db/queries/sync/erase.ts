import { sql, type SQL } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { takeTurns } from '../ingest/take-turns.ts';
import { lockNames } from '../name-lock.ts';
import { eraseUnusedAddresses, usedKeywords } from './unused-names.ts';

/** How long a hidden row can come back before it is erased. */
export const undoWindowHours = 24;

/** How long a UID that is gone is remembered, so that a late page can't resurrect it. */
const tombstoneDays = 30;

interface ConnectionKey {
  tenantId: string;
  connectionId: string;
}

/**
 * Erases messages that have been hidden for longer than the undo window: at most `limit` a call. In a
 * transaction that has written nothing yet. While somebody is asked whether so much was deleted, what
 * went before may come back too, and nothing is erased.
 */
export async function eraseHidden(tx: Tx, key: ConnectionKey, limit: number): Promise<number> {
  return (await isHeld(tx, key))
    ? 0
    : await eraseMessages(tx, key, hiddenFor(undoWindowHours), limit);
}

/** The same of all that is hidden: nothing of a connection that ends can come back. */
export async function eraseAllHidden(tx: Tx, key: ConnectionKey, limit: number): Promise<number> {
  return await eraseMessages(tx, key, hiddenFor(0), limit);
}

/**
 * Erases places that have been hidden for longer than the undo window, of messages that stay or that
 * were erased without them, and tombstones that are too old: at most `limit` of each a call. In a
 * transaction of its own: only the connection's pages wait, not the tenant's. Returns how many rows went.
 */
export async function eraseHiddenPlaces(tx: Tx, key: Licence, limit: number): Promise<number> {
  return (await isHeld(tx, key))
    ? 0
    : await erasePlaces(tx, key, hiddenFor(undoWindowHours), limit);
}

/** The same of all that is hidden, of a connection that ends. */
export async function eraseAllHiddenPlaces(tx: Tx, key: Licence, limit: number): Promise<number> {
  return await erasePlaces(tx, key, hiddenFor(0), limit);
}

async function isHeld(tx: Tx, { tenantId, connectionId }: ConnectionKey): Promise<boolean> {
  const held = await tx.execute(sql`
    select from sync_status
    where tenant_id = ${tenantId} and connection_id = ${connectionId} and deletions_held > 0`);
  return held.length > 0;
}

function hiddenFor(hours: number): SQL {
  return sql`hidden_at < steward_now() - make_interval(hours => ${hours})`;
}

async function erasePlaces(tx: Tx, key: Licence, past: SQL, limit: number): Promise<number> {
  const { tenantId, connectionId } = key;
  const ofConnection = sql`tenant_id = ${tenantId} and connection_id = ${connectionId}`;
  const hidden = sql`select folder_id, uid from placements where ${ofConnection} and ${past}`;
  const old = sql`at < steward_now() - make_interval(days => ${tombstoneDays})`;
  const aged = sql`
    select folder_id, uid_validity, uid from tombstones where ${ofConnection} and ${old}`;
  const some = await tx.execute(sql`
    select where exists (${hidden}) or exists (${aged})`);
  if (some.length === 0) return 0;
  await takeTurns(tx, key);
  // By the outer condition a place that people have just shown again stays.
  const places = await tx.execute(sql`
    delete from placements where tenant_id = ${tenantId} and ${past}
      and (folder_id, uid) in (${hidden} limit ${limit})
    returning 1`);
  const tombstones = await tx.execute(sql`
    delete from tombstones where tenant_id = ${tenantId} and ${old}
      and (folder_id, uid_validity, uid) in (${aged} limit ${limit})
    returning 1`);
  return places.length + tombstones.length;
}

/**
 * Erases a disconnected connection's untracked mail, at most `limit` messages a call. In a transaction
 * that has written nothing yet.
 */
export async function eraseUntracked(tx: Tx, key: ConnectionKey, limit: number): Promise<number> {
  return await eraseMessages(tx, key, sql`not tracked`, limit);
}

async function eraseMessages(
  tx: Tx,
  { tenantId, connectionId }: ConnectionKey,
  which: SQL,
  limit: number,
): Promise<number> {
  const wanted = sql`select id from messages
    where tenant_id = ${tenantId} and connection_id = ${connectionId} and ${which}`;
  const some = await tx.execute(sql`${wanted} limit 1`);
  if (some.length === 0) return 0;
  await lockNames(tx, tenantId);
  // Twice, because of a row that another transaction has just changed only the outer one is asked anew.
  const gone = await tx.execute<{ id: string }>(sql`
    delete from messages where tenant_id = ${tenantId} and id in (${wanted} limit ${limit})
      and ${which}
    returning id`);
  const ids = sql.param(gone.map((row) => row.id));
  await tx.execute(sql`
    delete from placements where tenant_id = ${tenantId} and message_id = any(${ids}::uuid[])`);
  const orphans = await tx.execute<{ address_id: string }>(sql`
    delete from participants where tenant_id = ${tenantId} and message_id = any(${ids}::uuid[])
    returning address_id`);
  await eraseUnusedAddresses(
    tx,
    tenantId,
    orphans.map((row) => row.address_id),
  );
  return gone.length;
}

/**
 * Erases what only served the sync of a disconnected connection and can be long: at most `limit`
 * rows of each kind a call. Returns how many rows went.
 */
export async function eraseSyncRows(tx: Tx, key: ConnectionKey, limit: number): Promise<number> {
  const { tenantId, connectionId } = key;
  const ofConnection = sql`tenant_id = ${tenantId} and connection_id = ${connectionId}`;
  const tombstones = await tx.execute(sql`
    delete from tombstones where tenant_id = ${tenantId} and (folder_id, uid_validity, uid) in (
      select folder_id, uid_validity, uid from tombstones where ${ofConnection} limit ${limit})
    returning 1`);
  const skips = await tx.execute(sql`
    delete from skips where tenant_id = ${tenantId} and id in (
      select id from skips where ${ofConnection} limit ${limit})
    returning 1`);
  const references = await tx.execute(sql`
    delete from thread_references where ${ofConnection} and message_id_index in (
      select r.message_id_index from thread_references r
      where r.tenant_id = ${tenantId} and r.connection_id = ${connectionId}
        and not exists (select from messages m
          where m.tenant_id = r.tenant_id and m.thread_id = r.thread_id)
      limit ${limit})
    returning 1`);
  const intents = await tx.execute(sql`
    delete from intents where tenant_id = ${tenantId} and id in (
      select id from intents where ${ofConnection} limit ${limit})
    returning 1`);
  return tombstones.length + skips.length + references.length + intents.length;
}

/** The rest of a disconnected connection: names of folders and keywords that hold no tracked mail. */
export async function eraseConnectionRest(tx: Tx, key: ConnectionKey): Promise<void> {
  const { tenantId, connectionId } = key;
  const left = sql`tenant_id = ${tenantId} and connection_id = ${connectionId}`;
  await tx.execute(sql`
    delete from labels where ${left} and id not in (${usedKeywords(key)})`);
  await tx.execute(sql`delete from reconciliations where ${left}`);
  // By key, so that no other mailbox's places are read.
  const empty = (id: SQL) => sql`not exists (select from placements p
    where p.tenant_id = ${tenantId} and p.folder_id = ${id} offset 0)`;
  await tx.execute(sql`delete from folders f where ${left} and ${empty(sql`f.id`)}`);
  await tx.execute(sql`delete from collections c where ${left} and ${empty(sql`c.id`)}`);
  await tx.execute(sql`
    update collections set live_cursor = null, backfill_cursor = null, backfill_done = false,
      mark = null, stored = (select count(*) from placements p
        where p.tenant_id = collections.tenant_id and p.folder_id = collections.id
          and p.hidden_at is null)
    where ${left}`);
}

/** Ends a connection's life in the directory: nothing is left to run for it. */
export async function closeConnection(
  tx: Tx,
  { connectionId }: ConnectionKey,
  capability: string,
): Promise<void> {
  await tx.execute(sql`
    update directory.connections set closed_at = steward_now()
    where id = ${connectionId} and capability = ${capability} and wanted = 'disconnected'`);
}
