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
function usedKeywords({ tenantId, connectionId }: Pick<Licence, 'tenantId' | 'connectionId'>): SQL {
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

/** Erases those of these addresses that nobody has any more; under the lock of names. */
export async function eraseUnusedAddresses(
  tx: Tx,
  tenantId: string,
  addressIds: string[],
): Promise<void> {
  await tx.execute(sql`
    delete from addresses a where a.tenant_id = ${tenantId}
      and a.id = any(${sql.param([...new Set(addressIds)])}::uuid[])
      and not exists (select from participants t
        where t.tenant_id = ${tenantId} and t.address_id = a.id offset 0)`);
}

/** By key, in a subquery that the planner can't turn into a join with all messages of the tenant. */
function isStored(tenantId: string, id: SQL): SQL {
  return sql`exists (select from messages m
    where m.tenant_id = ${tenantId} and m.id = ${id} offset 0)`;
}
