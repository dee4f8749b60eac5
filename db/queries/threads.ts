import { sql, type SQL } from 'drizzle-orm';
import type { Actor } from '../../domain/read-gate.ts';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';
import { messageColumns, type MessageRow } from './messages.ts';
import { messagesWithOwner, newestReadable, notBeingDeleted, readable } from './read-gate.ts';

/** A thread as its newest readable message, with counts over what the actor may read of it. */
export interface ThreadRow extends MessageRow {
  messageCount: number;
  firstReceivedAt: string;
  anyTracked: boolean;
  anyAttachments: boolean;
}

/** Threads by their newest readable message, newest first. A thread lies in one connection. */
export async function listThreads(
  tx: Tx,
  actor: Actor,
  connectionId: string | undefined,
  window: ListWindow,
): Promise<ThreadRow[]> {
  const newestAmong = (visible: SQL) => sql`not exists (
    select from messages n
    where n.tenant_id = m.tenant_id and n.thread_id = m.thread_id and n.hidden_at is null
      and ${notBeingDeleted(actor, sql`n.id`)} and ${visible} and (n.received_at, n.id) > (m.received_at, m.id))`;
  const list = {
    columns: messageColumns,
    connectionId,
    own: newestAmong(sql`true`),
    shared: newestAmong(sql`n.tracked`),
  };
  return await tx.execute<ThreadRow & Record<string, unknown>>(sql`
    with newest as (${newestReadable(actor, list, window)})
    select newest.*, totals.* from newest cross join lateral (
      select count(*)::int as "messageCount", min(m.received_at) as "firstReceivedAt",
        bool_or(m.tracked) as "anyTracked", bool_or(m.has_attachments) as "anyAttachments"
      from ${messagesWithOwner} where ${readable(actor)} and m.thread_id = newest."threadId"
    ) totals
    order by newest."receivedAt" desc, newest.id desc`);
}

/** What the actor may read of a thread, oldest first, at most `limit` messages. */
export async function listThreadMessages(
  tx: Tx,
  actor: Actor,
  threadId: string,
  limit: number,
): Promise<MessageRow[]> {
  return await tx.execute<MessageRow & Record<string, unknown>>(sql`
    select ${messageColumns} from ${messagesWithOwner}
    where ${readable(actor)} and m.thread_id = ${threadId}
    order by m.received_at, m.id limit ${limit}`);
}
