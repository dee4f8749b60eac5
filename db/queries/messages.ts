import { sql, type SQL } from 'drizzle-orm';
import type { Actor } from '../../domain/read-gate.ts';
import type { Tx } from '../client.ts';
import { instantText, type ListWindow } from './keyset.ts';
import { messagesWithOwner, newestReadable, readable } from './read-gate.ts';

export interface MessageRow {
  id: string;
  ownerId: string;
  connectionId: string;
  threadId: string;
  /** Sealed `MessageEnvelope`. */
  envelope: Uint8Array;
  sentAt: string | null;
  receivedAt: string;
  size: number;
  direction: string;
  tracked: boolean;
  hasAttachments: boolean;
}

export const messageColumns = sql`m.id, o.member_id as "ownerId",
  m.connection_id as "connectionId", m.thread_id as "threadId", m.envelope, m.sent_at as "sentAt",
  ${instantText(sql`m.received_at`)} as "receivedAt", m.size, m.direction, m.tracked,
  m.has_attachments as "hasAttachments"`;

export interface MessageFilters {
  connectionId?: string | undefined;
  threadId?: string | undefined;
  /** Blind index of an address that takes part. */
  addressId?: string | undefined;
  folderId?: string | undefined;
  /** Received at or after. */
  after?: Date | undefined;
  /** Received before. */
  before?: Date | undefined;
  tracked?: boolean | undefined;
}

/** Newest first, only what the actor may read. */
export async function listMessages(
  tx: Tx,
  actor: Actor,
  filters: MessageFilters,
  window: ListWindow,
): Promise<MessageRow[]> {
  const { connectionId, folderId } = filters;
  const moving = folderId !== undefined && (await anyMoves(tx, actor.tenantId));
  const matches = matching(filters, moving);
  // Where a message lies is its owner's own business, also when the message is tracked.
  const shared = folderId ? sql`false` : matches;
  const list = { columns: messageColumns, connectionId, own: matches, shared };
  return await tx.execute<MessageRow & Record<string, unknown>>(
    newestReadable(actor, list, window),
  );
}

export async function readMessage(
  tx: Tx,
  actor: Actor,
  id: string,
): Promise<MessageRow | undefined> {
  const [row] = await tx.execute<MessageRow & Record<string, unknown>>(sql`
    select ${messageColumns} from ${messagesWithOwner} where ${readable(actor)} and m.id = ${id}`);
  return row;
}

export interface MessageBodyRow {
  ownerId: string;
  tracked: boolean;
  /** Sealed `MessageBody`. */
  body: Uint8Array;
}

export async function readMessageBody(
  tx: Tx,
  actor: Actor,
  id: string,
): Promise<MessageBodyRow | undefined> {
  const [row] = await tx.execute<MessageBodyRow & Record<string, unknown>>(sql`
    select o.member_id as "ownerId", m.tracked, m.body from ${messagesWithOwner}
    where ${readable(actor)} and m.id = ${id}`);
  return row;
}

export interface PlacementRow {
  messageId: string;
  folderId: string;
  uid: string;
  flags: number;
  labelIds: string[];
  /** Sealed `FolderName`. */
  folderName: Uint8Array;
}

/**
 * Where messages that passed the gate lie. Folder names among it are for the owner only. Message by
 * message, and what is hidden only then: a planner that knows nothing of a mailbox yet takes the
 * index of what is visible for the shorter way, and reads all of it.
 */
export async function listPlacements(
  tx: Tx,
  tenantId: string,
  messageIds: string[],
): Promise<PlacementRow[]> {
  if (messageIds.length === 0) return [];
  return await tx.execute<PlacementRow & Record<string, unknown>>(sql`
    select p.message_id as "messageId", p.folder_id as "folderId", p.uid::text, p.flags,
      p.label_ids as "labelIds", f.name as "folderName"
    from unnest(${sql.param(messageIds)}::uuid[]) as wanted (id)
      cross join lateral (
        select * from placements p
        where p.tenant_id = ${tenantId} and p.message_id = wanted.id offset 0
      ) p
      join folders f on f.tenant_id = p.tenant_id and f.id = p.folder_id
    where p.hidden_at is null
    order by p.folder_id, p.uid`);
}

/** Sealed names of labels and keywords. */
export async function listLabels(
  tx: Tx,
  tenantId: string,
  ids: string[],
): Promise<{ id: string; name: Uint8Array }[]> {
  if (ids.length === 0) return [];
  return await tx.execute<{ id: string; name: Uint8Array }>(sql`
    select id, name from labels
    where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[])`);
}

/** Makes a message visible to the team; call it inside `withFence`. False: it was already. */
export async function markTracked(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const rows = await tx.execute(sql`
    update messages set tracked = true
    where tenant_id = ${tenantId} and id = ${id} and hidden_at is null and not tracked
    returning id`);
  return rows.length > 0;
}

function matching(filters: MessageFilters, moving: boolean): SQL {
  const { threadId, addressId, folderId, after, before, tracked } = filters;
  const conditions = [sql`true`];
  if (threadId) conditions.push(sql`m.thread_id = ${threadId}`);
  if (after) conditions.push(sql`m.received_at >= ${after.toISOString()}`);
  if (before) conditions.push(sql`m.received_at < ${before.toISOString()}`);
  if (tracked !== undefined) conditions.push(sql`m.tracked = ${tracked}`);
  if (addressId) {
    conditions.push(sql`exists (select from participants p where p.tenant_id = m.tenant_id
      and p.message_id = m.id and p.address_id = ${addressId})`);
  }
  if (folderId) conditions.push(moving ? willLieIn(folderId) : liesIn(folderId));
  return sql.join(conditions, sql` and `);
}

function liesIn(folderId: string): SQL {
  return sql`exists (select from placements p where p.tenant_id = m.tenant_id
    and p.message_id = m.id and p.folder_id = ${folderId} and p.hidden_at is null)`;
}

/** The same as it will be: the last move that waits decides. */
function willLieIn(folderId: string): SQL {
  return sql`coalesce((select i.folder_id = ${folderId} from intents i
    where i.tenant_id = m.tenant_id and i.message_id = m.id and i.kind = 'move'
      and i.state = 'pending' order by i.position desc limit 1), ${liesIn(folderId)})`;
}

/** Whether any move waits to be carried out: only then do filters by folder have to look at them. */
async function anyMoves(tx: Tx, tenantId: string): Promise<boolean> {
  const rows = await tx.execute(sql`
    select from intents where tenant_id = ${tenantId} and kind = 'move' and state = 'pending'
    limit 1`);
  return rows.length > 0;
}

/**
 * Whether the message is shown. It stays so, under this id, until the transaction ends: what is asked
 * of it meanwhile goes with it, whatever it becomes (`mergeTwins`).
 */
export async function holdMessage(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const rows = await tx.execute(sql`
    select from messages where tenant_id = ${tenantId} and id = ${id} and hidden_at is null for share`);
  return rows.length > 0;
}
