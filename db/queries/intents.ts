import { sql, type SQL } from 'drizzle-orm';
import type { FolderIntent, IntentKind, IntentState } from '../../domain/intent.ts';
import type { Tx } from '../client.ts';
import { instantText, olderThan, type ListWindow } from './keyset.ts';

export interface NewIntent {
  id: string;
  kind: IntentKind;
  messageId?: string;
  folderId?: string;
  addFlags?: number;
  removeFlags?: number;
  /** Sealed `IntentContent`. */
  change: Uint8Array | null;
}

interface ConnectionKey {
  tenantId: string;
  connectionId: string;
}

/** Writes what a member asks for, in the order of the list. */
export async function insertIntents(
  tx: Tx,
  { tenantId, connectionId, memberId }: ConnectionKey & { memberId: string },
  intents: NewIntent[],
): Promise<void> {
  for (const intent of intents) {
    await tx.execute(sql`
      insert into intents (tenant_id, connection_id, id, member_id, kind, message_id, folder_id,
        add_flags, remove_flags, change)
      values (${tenantId}, ${connectionId}, ${intent.id}, ${memberId}, ${intent.kind},
        ${intent.messageId ?? null}, ${intent.folderId ?? null}, ${intent.addFlags ?? 0},
        ${intent.removeFlags ?? 0}, ${sql.param(intent.change)})`);
  }
}

/** How many intents of a connection wait to be carried out. */
export async function countPendingIntents(
  tx: Tx,
  { tenantId, connectionId }: ConnectionKey,
): Promise<number> {
  const [row] = await tx.execute<{ count: number }>(sql`
    select count(*)::int as count from intents
    where tenant_id = ${tenantId} and connection_id = ${connectionId} and state = 'pending'`);
  return row!.count;
}

export interface IntentRow {
  id: string;
  memberId: string;
  kind: IntentKind;
  messageId: string | null;
  folderId: string | null;
  addFlags: number;
  removeFlags: number;
  change: Uint8Array | null;
  state: IntentState;
  reason: string | null;
  attempts: number;
  createdAt: string;
  attemptedAt: string | null;
  finishedAt: string | null;
}

const columns = sql`id, member_id as "memberId", kind, message_id as "messageId",
  folder_id as "folderId", add_flags as "addFlags", remove_flags as "removeFlags", change, state,
  reason, attempts, ${instantText(sql`created_at`)} as "createdAt",
  attempted_at as "attemptedAt", finished_at as "finishedAt"`;

/** Intents of a connection, newest first. */
export async function listIntents(
  tx: Tx,
  { tenantId, connectionId }: ConnectionKey,
  state: IntentState | undefined,
  { after, limit }: ListWindow,
): Promise<IntentRow[]> {
  const ofState = state ? sql`and state = ${state}` : sql``;
  return await tx.execute<IntentRow & Record<string, unknown>>(sql`
    select ${columns} from intents
    where tenant_id = ${tenantId} and connection_id = ${connectionId} ${ofState}
      and ${olderThan(sql`created_at`, sql`id`, after)}
    order by created_at desc, id desc limit ${limit}`);
}

/**
 * What reads of these messages overlay or show: intents that wait, and refused ones that no later
 * intent of the same kind has made moot. Each in the order in which they were asked for.
 */
export async function listIntentsOfMessages(
  tx: Tx,
  tenantId: string,
  messageIds: string[],
): Promise<IntentRow[]> {
  if (messageIds.length === 0) return [];
  return await listShown(tx, tenantId, {
    which: sql`i.message_id = any(${sql.param(messageIds)}::uuid[])`,
    same: sql`later.message_id = i.message_id`,
    limit: sql``,
  });
}

/** More than a person renames in the seconds that a slice takes; a name beyond is not overlaid. */
const folderIntentsMax = 200;

/** The same for all folders of these connections. */
export async function listIntentsOfFolders(
  tx: Tx,
  tenantId: string,
  connectionIds: string[],
): Promise<
  (IntentRow & { folderId: string; kind: FolderIntent['kind']; folderName: Uint8Array })[]
> {
  if (connectionIds.length === 0) return [];
  const rows = await listShown(tx, tenantId, {
    which: sql`i.connection_id = any(${sql.param(connectionIds)}::uuid[])
      and i.kind in ('rename-folder', 'delete-folder')`,
    same: sql`later.folder_id = i.folder_id and later.message_id is null`,
    limit: sql`limit ${folderIntentsMax}`,
  });
  const names = await listFolderNames(
    tx,
    tenantId,
    rows.flatMap((row) => row.folderId ?? []),
  );
  return rows.flatMap((row) => {
    const folderName = row.folderId === null ? undefined : names.get(row.folderId);
    if (row.folderId === null || !folderName) return [];
    const kind = row.kind as FolderIntent['kind'];
    return [{ ...row, kind, folderId: row.folderId, folderName }];
  });
}

/** Folders that are to be deleted: all of them, as the gate of reads hides what lies in each. */
export async function listFoldersBeingDeleted(
  tx: Tx,
  tenantId: string,
  connectionIds: string[],
): Promise<Set<string>> {
  if (connectionIds.length === 0) return new Set();
  const rows = await tx.execute<{ id: string }>(sql`
    select folder_id as id from intents
    where tenant_id = ${tenantId} and connection_id = any(${sql.param(connectionIds)}::uuid[])
      and kind = 'delete-folder' and state = 'pending'`);
  return new Set(rows.map(({ id }) => id));
}

/** Sealed `FolderName`s by folder. */
export async function listFolderNames(
  tx: Tx,
  tenantId: string,
  ids: string[],
): Promise<Map<string, Uint8Array>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.execute<{ id: string; name: Uint8Array }>(sql`
    select id, name from folders
    where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[])`);
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** What waits comes first: refusals, which stay for weeks, don't count against its limit. */
async function listShown(
  tx: Tx,
  tenantId: string,
  { which, same, limit }: { which: SQL; same: SQL; limit: SQL },
): Promise<IntentRow[]> {
  return await tx.execute<IntentRow & Record<string, unknown>>(sql`
    select ${columns} from intents i
    where i.tenant_id = ${tenantId} and ${which} and (i.state = 'pending' or (
      i.state = 'refused' and not exists (select from intents later
        where later.tenant_id = i.tenant_id and later.connection_id = i.connection_id
          and later.kind = i.kind and ${same} and later.position > i.position)))
    order by i.state = 'refused', i.position ${limit}`);
}
