import { sql } from 'drizzle-orm';
import type { Capability, Wanted } from '../../domain/sync.ts';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';

export interface ConnectionRow {
  id: string;
  memberId: string;
  provider: string;
  capabilities: Capability[];
  /** Sealed `ConnectionProfile`. */
  profile: Uint8Array;
  backfillSince: string | null;
  createdAt: string;
  disconnectedAt: string | null;
  eraseAfter: string | null;
}

const columns = sql`c.id, c.member_id as "memberId", c.provider, c.capabilities, c.profile,
  c.backfill_since::text as "backfillSince", c.created_at as "createdAt",
  c.disconnected_at as "disconnectedAt", c.erase_after as "eraseAfter"`;

/** Newest first; ids are time-ordered, so the id alone is the sort key. */
export async function listConnections(
  tx: Tx,
  tenantId: string,
  { after, limit }: ListWindow,
): Promise<ConnectionRow[]> {
  const older = after ? sql`and c.id < ${after.id}::uuid` : sql``;
  return await tx.execute<ConnectionRow & Record<string, unknown>>(sql`
    select ${columns} from connections c where c.tenant_id = ${tenantId} ${older}
    order by c.id desc limit ${limit}`);
}

export async function readConnection(
  tx: Tx,
  tenantId: string,
  id: string,
): Promise<ConnectionRow | undefined> {
  const [row] = await tx.execute<ConnectionRow & Record<string, unknown>>(sql`
    select ${columns} from connections c where c.tenant_id = ${tenantId} and c.id = ${id}`);
  return row;
}

/** The connection of an account, connected or not. */
export async function findAccount(
  tx: Tx,
  tenantId: string,
  accountIndex: string,
): Promise<{ id: string; memberId: string; connected: boolean } | undefined> {
  const [row] = await tx.execute<{ id: string; memberId: string; connected: boolean }>(sql`
    select id, member_id as "memberId", disconnected_at is null as connected from connections
    where tenant_id = ${tenantId} and account_index = ${accountIndex}`);
  return row;
}

export interface NewConnection {
  id: string;
  tenantId: string;
  memberId: string;
  provider: string;
  capability: Capability;
  credentials: Uint8Array;
  profile: Uint8Array;
  accountIndex: string;
  backfillSince: string | null;
  watchShard: number;
}

/** Everything a connection consists of before its workflow starts. False: the account is there. */
export async function insertConnection(tx: Tx, connection: NewConnection): Promise<boolean> {
  const { id, tenantId, capability } = connection;
  const inserted = await tx.execute(sql`
    insert into connections (tenant_id, id, member_id, provider, capabilities, credentials, profile,
      account_index, backfill_since)
    values (${tenantId}, ${id}, ${connection.memberId}, ${connection.provider},
      array[${capability}]::text[], ${sql.param(connection.credentials)},
      ${sql.param(connection.profile)}, ${connection.accountIndex}, ${connection.backfillSince})
    on conflict (tenant_id, account_index) do nothing
    returning id`);
  if (inserted.length === 0) return false;
  await tx.execute(sql`
    insert into directory.connections (id, capability, tenant_id, provider, watch_shard)
    values (${id}, ${capability}, ${tenantId}, ${connection.provider}, ${connection.watchShard})`);
  await tx.execute(sql`
    insert into sync_status (tenant_id, connection_id, capability, state)
    values (${tenantId}, ${id}, ${capability}, 'connecting')`);
  return true;
}

/**
 * Gives a disconnected account new credentials; its cursors and rows are still there. Call it
 * inside `withTransition`: the generation goes up, so that nothing older writes any more. False
 * when the account is connected after all.
 */
export async function reviveConnection(
  tx: Tx,
  connection: Omit<NewConnection, 'watchShard' | 'provider' | 'accountIndex'>,
  { deeper }: { deeper: boolean },
): Promise<boolean> {
  const { id, tenantId, capability } = connection;
  const revived = await tx.execute(sql`
    update connections set credentials = ${sql.param(connection.credentials)},
      profile = ${sql.param(connection.profile)}, backfill_since = ${connection.backfillSince},
      disconnected_at = null, erase_after = null
    where tenant_id = ${tenantId} and id = ${id} and disconnected_at is not null
    returning id`);
  if (revived.length === 0) return false;
  const generation = await raiseGeneration(tx, connection, capability, 'run');
  await noteChanges(tx, connection, generation, { credentials: true, deeper });
  return true;
}

export interface ConnectionKey {
  tenantId: string;
  id: string;
}

/** What a person wants of a connection; null when it is disconnected or not there. */
export async function writeWanted(
  tx: Tx,
  { tenantId, id }: ConnectionKey,
  wanted: Extract<Wanted, 'run' | 'paused'>,
): Promise<{ changed: boolean } | null> {
  const rows = await tx.execute<{ before: Wanted }>(sql`
    with old as (
      select id, capability, wanted from directory.connections
      where tenant_id = ${tenantId} and id = ${id} and wanted <> 'disconnected' for update
    )
    update directory.connections d set wanted = ${wanted} from old
    where d.id = old.id and d.capability = old.capability
    returning old.wanted as before`);
  if (rows.length === 0) return null;
  return { changed: rows.some(({ before }) => before !== wanted) };
}

/**
 * Ends the right to write of everything that began before. Returns the new generation; undefined
 * when the connection is not there, or is disconnected and stays so.
 */
export async function raiseGeneration(
  tx: Tx,
  { tenantId, id }: ConnectionKey,
  capability: Capability,
  wanted?: Wanted,
): Promise<number | undefined> {
  const [row] = await tx.execute<{ generation: number }>(sql`
    update directory.connections set generation = generation + 1,
      wanted = coalesce(${wanted ?? null}, wanted), closed_at = null
    where tenant_id = ${tenantId} and id = ${id} and capability = ${capability}
      and (wanted <> 'disconnected' or ${wanted ?? null}::text is not null)
    returning generation`);
  return row?.generation;
}

/**
 * Notes what changed with a generation. The next slice takes it up: how the sync stands is written
 * by nobody else.
 */
export async function noteChanges(
  tx: Tx,
  { tenantId, id }: ConnectionKey,
  generation: number | undefined,
  { credentials, deeper }: { credentials: boolean; deeper: boolean },
): Promise<void> {
  await tx.execute(sql`
    update connections set
      credentials_generation =
        case when ${credentials} then ${generation ?? null} else credentials_generation end,
      history_generation = case when ${deeper} then ${generation ?? null} else history_generation end
    where tenant_id = ${tenantId} and id = ${id}`);
}
