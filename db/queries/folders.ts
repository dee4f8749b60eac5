import { sql } from 'drizzle-orm';
import type { FolderRole } from '../../domain/mail.ts';
import type { Actor } from '../../domain/read-gate.ts';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';

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
      coalesce(l.expected, 0) as expected
    from folders f
    join connections o on o.tenant_id = f.tenant_id and o.id = f.connection_id
    left join collections l on l.tenant_id = f.tenant_id and l.id = f.id
    where f.tenant_id = ${actor.tenantId} and o.member_id = ${actor.memberId}
      and f.hidden_at is null`;
