import { bigint, pgTable, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import type { IntentKind, IntentState } from '../../domain/intent.ts';
import { bytea, createdAt, instant, tenantId } from './columns.ts';

/** Changes asked for through the API, until the provider shows their effect or refuses. */
export const intents = pgTable(
  'intents',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    /** The order in which they were asked for. */
    position: bigint('position', { mode: 'bigint' }).notNull().generatedAlwaysAsIdentity(),
    /** Who asked. */
    memberId: uuid('member_id').notNull(),
    kind: text('kind').notNull().$type<IntentKind>(),
    messageId: uuid('message_id'),
    /** Where a move leads, or the folder that is to change; of a created one, once it is there. */
    folderId: uuid('folder_id'),
    addFlags: smallint('add_flags').notNull().default(0),
    removeFlags: smallint('remove_flags').notNull().default(0),
    /** Sealed `IntentContent`; null where the change holds no content. */
    change: bytea('change'),
    state: text('state').notNull().default('pending').$type<IntentState>(),
    /** Why it was refused, or what the last attempt failed with: a code of ours. */
    reason: text('reason'),
    attempts: smallint('attempts').notNull().default(0),
    /** Where a move is a copy and a deletion: no copy of ours stands below this UID. */
    copiesFrom: bigint('copies_from', { mode: 'number' }),
    createdAt: createdAt(),
    attemptedAt: instant('attempted_at'),
    finishedAt: instant('finished_at'),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);
