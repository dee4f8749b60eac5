import { sql } from 'drizzle-orm';
import type { FolderRole } from '../../domain/mail.ts';
import type { Actor } from '../../domain/read-gate.ts';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';
import { lastRunOf } from './last-reconciliation.ts';

export interface FolderRow {
  id: string;
  connectionId: string;
  /** Sealed `FolderName`. */
  name: Uint8Array;
  role: string | null;
  excluded: boolean;
  uidValidity: string | null;
  stored: number;
  expected: number;
  /** When the folder was last compared with the provider's listing; null before the first time. */
  reconciledAt: string | null;
  /** What that comparison listed, and how much of it was stored then. */
  listedThen: number | null;
  storedThen: number | null;
  trouble: string | null;
}

/** Folders of the member's own connections; nobody else reads their names. */
export async function listFolders(
  tx: Tx,
  actor: Actor,
  connectionId: string | undefined,
  { after, limit }: ListWindow,
): Promise<FolderRow[]> {
  const ofConnection = connectionId ? sql`and f.connection_id = ${connectionId}` : sql``;
  const further = after ? sql`and f.id > ${after.id}::uuid` : sql``;
  return await tx.execute<FolderRow & Record<string, unknown>>(sql`
    ${foldersOf(actor)} ${ofConnection} ${further}
    order by f.id limit ${limit}`);
}

/** One such folder. */
export async function readFolder(tx: Tx, actor: Actor, id: string): Promise<FolderRow | undefined> {
  const [row] = await tx.execute<FolderRow & Record<string, unknown>>(sql`
    ${foldersOf(actor)} and f.id = ${id}`);
  return row;
}

/** The folder of a connection that has a role, such as `trash`. */
export async function findFolderByRole(
  tx: Tx,
  tenantId: string,
  connectionId: string,
  role: FolderRole,
): Promise<string | undefined> {
  const [row] = await tx.execute<{ id: string }>(sql`
    select id from folders
    where tenant_id = ${tenantId} and connection_id = ${connectionId} and role = ${role}
      and hidden_at is null and not excluded
    order by id limit 1`);
  return row?.id;
}

const foldersOf = (actor: Actor) => sql`
    select f.id, f.connection_id as "connectionId", f.name, f.role, f.excluded,
      f.uid_validity as "uidValidity", coalesce(l.stored, 0) as stored,
      coalesce(l.expected, 0) as expected, l.trouble, last.finished_at as "reconciledAt",
      last.listed as "listedThen", last.stored as "storedThen"
    from folders f
    join connections o on o.tenant_id = f.tenant_id and o.id = f.connection_id
    left join collections l on l.tenant_id = f.tenant_id and l.id = f.id
    left join sync_status s on s.tenant_id = f.tenant_id
      and s.connection_id = f.connection_id and s.capability = 'mail'
    left join lateral (
      select r.finished_at, r.listed - r.outside as listed, r.stored from reconciliations r
      where ${lastRunOf} and r.folder_id = f.id
      order by r.started_at desc limit 1
    ) last on true
    where f.tenant_id = ${actor.tenantId} and o.member_id = ${actor.memberId}
      and f.hidden_at is null`;
