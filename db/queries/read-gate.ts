import { sql, type SQL } from 'drizzle-orm';
import type { Actor } from '../../domain/read-gate.ts';
import { olderThan, type ListWindow } from './keyset.ts';

/**
 * `mayRead` of `domain/read-gate.ts` in SQL, over `messages m join connections o` (the message's
 * connection). Hidden messages are shown to nobody.
 */
export function readable(actor: Actor): SQL {
  return sql`m.tenant_id = ${actor.tenantId} and m.hidden_at is null
    and ${notBeingDeleted(actor, sql`m.id`)} and (m.tracked or o.member_id = ${actor.memberId})`;
}

/**
 * A message whose deletion was asked for, or that of every folder in which it lies, is gone for
 * everybody at once. The few ids are read once a statement, so that lists go on walking their index.
 */
export function notBeingDeleted({ tenantId }: Actor, id: SQL): SQL {
  const going = sql`array(select i.folder_id from intents i
    where i.tenant_id = ${tenantId} and i.kind = 'delete-folder' and i.state = 'pending')`;
  return sql`${id} <> all (array(select i.message_id from intents i
    where i.tenant_id = ${tenantId} and i.kind = 'delete' and i.state = 'pending'))
    and (${going} = '{}' or not ${liesOnlyIn(tenantId, id, going)})`;
}

/** Where it is to be moved, or where it lies. Single values: a planner cannot make tables of them. */
function liesOnlyIn(tenantId: string, id: SQL, folders: SQL): SQL {
  return sql`coalesce(
    (select i.folder_id = any (${folders}) from intents i
      where i.tenant_id = ${tenantId} and i.message_id = ${id} and i.kind = 'move'
        and i.state = 'pending' order by i.position desc limit 1),
    (select bool_and(p.folder_id = any (${folders})) from placements p
      where p.tenant_id = ${tenantId} and p.message_id = ${id} and p.hidden_at is null), false)`;
}

/** The join that `readable` needs. */
export const messagesWithOwner = sql`messages m join connections o
  on o.tenant_id = m.tenant_id and o.id = m.connection_id`;

export interface ReadableList {
  /** Of `m` and `o`; names the sort key `"receivedAt"` and `id`. */
  columns: SQL;
  /** Of this connection only. */
  connectionId: string | undefined;
  /** What else must hold of the member's own mail, and of mail that others track. */
  own: SQL;
  shared: SQL;
}

/**
 * The same gate for lists, newest first: each of the member's connections and the tracked rest are
 * walked along an index of their own, so that a page costs a page, however large the tenant is.
 */
export function newestReadable(
  actor: Actor,
  { columns, connectionId, own, shared }: ReadableList,
  { after, limit }: ListWindow,
): SQL {
  const page = sql`m.tenant_id = ${actor.tenantId} and m.hidden_at is null
    and ${connectionId ? sql`m.connection_id = ${connectionId}` : sql`true`}
    and ${notBeingDeleted(actor, sql`m.id`)} and ${olderThan(sql`m.received_at`, sql`m.id`, after)}`;
  const newest = sql`order by m.received_at desc, m.id desc limit ${limit}`;
  return sql`
    select page.* from (
      select mine.* from connections o cross join lateral (
        select ${columns} from messages m
        where m.connection_id = o.id and ${page} and ${own} ${newest}
      ) mine
      where o.tenant_id = ${actor.tenantId} and o.member_id = ${actor.memberId}
      union all (
        select ${columns} from ${messagesWithOwner}
        where m.tracked and o.member_id <> ${actor.memberId} and ${page} and ${shared}
          and ${connectionId ? belongsToAnother(actor, connectionId) : sql`true`} ${newest}
      )
    ) page
    order by page."receivedAt" desc, page.id desc limit ${limit}`;
}

/**
 * Answered once, before any message is looked at: else a member's whole mailbox may be searched for
 * mail that others track, where the planner knows nothing about it yet.
 */
function belongsToAnother({ tenantId, memberId }: Actor, connectionId: string): SQL {
  return sql`(select c.member_id <> ${memberId} from connections c
    where c.tenant_id = ${tenantId} and c.id = ${connectionId})`;
}
