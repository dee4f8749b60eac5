import { sql, type SQL } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { takeTurns } from '../ingest/take-turns.ts';
import { lockNames } from '../name-lock.ts';

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
 * Hides messages that stand in no folder: doubled rows, and rows that lost their place. They are
 * erased after the undo window. Returns how many, and notes them as a row without a folder.
 */
export async function hideUnplaced(tx: Tx, licence: Licence): Promise<number> {
  await takeTurns(tx, licence);
  const [row] = await tx.execute<{ count: number }>(sql`
    with hidden as (
      update messages m set hidden_at = steward_now()
      where ${ofConnection(licence, sql`m`)} and m.hidden_at is null and not exists (
        select from placements p where p.tenant_id = m.tenant_id and p.message_id = m.id
          and p.hidden_at is null)
      returning m.id
    )
    select count(*)::int as count from hidden`);
  const count = row!.count;
  if (count > 0) {
    await tx.execute(sql`
      insert into reconciliations (tenant_id, connection_id, id, finished_at, extra)
      values (${licence.tenantId}, ${licence.connectionId}, gen_random_uuid(), steward_now(),
        ${count})`);
  }
  return count;
}

/** Erases rows that only served messages which are gone, and what is too old to be looked up. */
export async function eraseRemains(tx: Tx, licence: Licence): Promise<void> {
  await takeTurns(tx, licence);
  const of = (alias: string) => ofConnection(licence, sql.raw(alias));
  await tx.execute(sql`
    delete from placements p where ${of('p')} and (p.hidden_at is not null or p.uid < 0)
      and not exists (select from messages m
        where m.tenant_id = p.tenant_id and m.id = p.message_id)`);
  await tx.execute(sql`
    delete from thread_references r where ${of('r')} and not exists (select from messages m
      where m.tenant_id = r.tenant_id and m.thread_id = r.thread_id)`);
  await tx.execute(sql`
    delete from skips k where ${of('k')} and not exists (select from folders f
      where f.tenant_id = k.tenant_id and f.id = k.folder_id and f.hidden_at is null
        and not f.excluded and coalesce(f.uid_validity, '') = k.uid_validity)`);
  await tx.execute(sql`
    delete from reconciliations r where ${of('r')}
      and (r.started_at < steward_now() - make_interval(days => ${reconciliationDays})
        or (r.finished_at is null and not exists (select from folders f
          where f.tenant_id = r.tenant_id and f.id = r.folder_id and f.hidden_at is null)))`);
}

/**
 * Erases addresses and keywords that nothing uses any more; most calls find none, and lock nothing. In
 * a transaction that has written nothing yet.
 */
export async function eraseUnusedNames(tx: Tx, licence: Licence): Promise<void> {
  const of = (alias: string) => ofConnection(licence, sql.raw(alias));
  const orphaned = sql`${of('t')} and not exists (select from messages m
    where m.tenant_id = t.tenant_id and m.id = t.message_id)`;
  const unused = sql`${of('l')} and l.id not in (
    select distinct unnest(p.label_ids) from placements p
    where ${of('p')} and p.label_ids <> '{}')`;
  const [row] = await tx.execute<{ found: boolean }>(sql`
    select exists (select from participants t where ${orphaned})
      or exists (select from labels l where ${unused}) as found`);
  if (!row!.found) return;
  await lockNames(tx, licence.tenantId);
  await tx.execute(sql`
    with orphans as (
      delete from participants t where ${orphaned} returning t.message_id, t.address_id
    )
    delete from addresses a using (select distinct address_id from orphans) left_over
    where a.tenant_id = ${licence.tenantId} and a.id = left_over.address_id
      and not exists (select from participants t where t.tenant_id = a.tenant_id
        and t.address_id = a.id
        and t.message_id not in (select orphans.message_id from orphans))`);
  await tx.execute(sql`delete from labels l where ${unused}`);
}

function ofConnection({ tenantId, connectionId }: Licence, alias: SQL): SQL {
  return sql`${alias}.tenant_id = ${tenantId} and ${alias}.connection_id = ${connectionId}`;
}
