import { sql, type SQL } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { takeTurns } from '../ingest/take-turns.ts';
import { lockNames } from '../name-lock.ts';
import { mendBatch } from './mend.ts';

/** Keywords of a connection that no message has any more. Takes no lock: ask again before erasing. */
export async function findUnusedKeywords(
  tx: Tx,
  { tenantId, connectionId }: Licence,
): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    select l.id from labels l
    where l.tenant_id = ${tenantId} and l.connection_id = ${connectionId}
      and l.id not in (${usedKeywords({ tenantId, connectionId })})
    limit ${mendBatch}`);
  return rows.map(({ id }) => id);
}

/**
 * Erases those that are still unused while the connection's pages wait: nobody else's use them.
 * Returns how many.
 */
export async function eraseKeywords(tx: Tx, licence: Licence, ids: string[]): Promise<number> {
  await takeTurns(tx, licence);
  const erased = await tx.execute(sql`
    delete from labels l where l.tenant_id = ${licence.tenantId}
      and l.id = any(${sql.param(ids)}::uuid[]) and l.id not in (${usedKeywords(licence)})
    returning l.id`);
  return erased.length;
}

/** By way of the connection's folders: its places have no other key that is its own. */
export function usedKeywords({
  tenantId,
  connectionId,
}: Pick<Licence, 'tenantId' | 'connectionId'>): SQL {
  return sql`select distinct unnest(p.label_ids) from placements p
    where p.tenant_id = ${tenantId} and p.label_ids <> '{}' and p.folder_id = any(array(
      select f.id from folders f where f.tenant_id = ${tenantId}
        and f.connection_id = ${connectionId}))`;
}

/**
 * Messages of a connection of which nothing is left but who took part in them. Takes no lock: ask
 * again before erasing.
 */
export async function findOrphans(tx: Tx, { tenantId, connectionId }: Licence): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    select t.id from (
      select distinct message_id as id from participants
      where tenant_id = ${tenantId} and connection_id = ${connectionId}
    ) t where not ${isStored(tenantId, sql`t.id`)}
    limit ${mendBatch}`);
  return rows.map(({ id }) => id);
}

/**
 * Erases who took part in them, and addresses that nothing else uses, where the message is still
 * missing. The tenant's pages wait meanwhile. In a transaction that has written nothing yet. Returns
 * how many rows of participants went.
 */
export async function eraseOrphans(
  tx: Tx,
  { tenantId }: Licence,
  messageIds: string[],
): Promise<number> {
  await lockNames(tx, tenantId);
  const orphans = await tx.execute<{ address_id: string }>(sql`
    delete from participants t where t.tenant_id = ${tenantId}
      and t.message_id = any(${sql.param(messageIds)}::uuid[])
      and not ${isStored(tenantId, sql`t.message_id`)}
    returning t.address_id`);
  await eraseUnusedAddresses(
    tx,
    tenantId,
    orphans.map((row) => row.address_id),
  );
  return orphans.length;
}

/** What a look at some of a tenant's addresses found. */
export interface AddressLook {
  unused: string[];
  /** The last that was looked at; absent: there are no more. */
  last?: string;
}

/**
 * Of the tenant's next addresses, those that nobody has: a page brings its addresses for messages too
 * that turn out to be gone, and what a repair or a merged row named before may have been the last use.
 * They belong to no connection, so that a look is bounded. Takes no lock: ask again before erasing.
 */
export async function findUnusedAddresses(
  tx: Tx,
  { tenantId }: Pick<Licence, 'tenantId'>,
  after: string,
): Promise<AddressLook> {
  const rows = await tx.execute<{ id: string; used: boolean }>(sql`
    select a.id, ${isUsed(tenantId)} as used from (
      select id from addresses where tenant_id = ${tenantId} and id > ${after}
      order by id limit ${mendBatch}) a
    order by a.id`);
  const last = rows.at(-1)?.id;
  const unused = rows.filter(({ used }) => !used).map(({ id }) => id);
  return { unused, ...(last !== undefined && { last }) };
}

/**
 * Erases those that still nobody has while the tenant's pages wait. In a transaction that has written
 * nothing yet. Returns how many.
 */
export async function eraseAddresses(
  tx: Tx,
  { tenantId }: Pick<Licence, 'tenantId'>,
  ids: string[],
): Promise<number> {
  await lockNames(tx, tenantId);
  return await eraseUnusedAddresses(tx, tenantId, ids);
}

/** Erases those of these addresses that nobody has any more; under the lock of names. */
export async function eraseUnusedAddresses(
  tx: Tx,
  tenantId: string,
  addressIds: string[],
): Promise<number> {
  const erased = await tx.execute(sql`
    delete from addresses a where a.tenant_id = ${tenantId}
      and a.id = any(${sql.param([...new Set(addressIds)])}::uuid[]) and not ${isUsed(tenantId)}
    returning a.id`);
  return erased.length;
}

/** Of `addresses a`: whether somebody takes part in a message by it. */
function isUsed(tenantId: string): SQL {
  return sql`exists (select from participants t
    where t.tenant_id = ${tenantId} and t.address_id = a.id offset 0)`;
}

/** By key, in a subquery that the planner can't turn into a join with all messages of the tenant. */
function isStored(tenantId: string, id: SQL): SQL {
  return sql`exists (select from messages m
    where m.tenant_id = ${tenantId} and m.id = ${id} offset 0)`;
}
