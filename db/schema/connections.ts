import {
  boolean,
  date,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import type { Capability } from '../../domain/sync.ts';
import { bytea, createdAt, instant, tenantId } from './columns.ts';

export const members = pgTable(
  'members',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    /** Sealed `{name, email}`. */
    profile: bytea('profile').notNull(),
    emailIndex: uuid('email_index').notNull(),
    role: text('role').notNull(),
    createdAt: createdAt(),
    leftAt: instant('left_at'),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

export const connections = pgTable(
  'connections',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    memberId: uuid('member_id').notNull(),
    provider: text('provider').notNull(),
    capabilities: text('capabilities').array().notNull().$type<Capability[]>(),
    /** Sealed `ImapAccount`; emptied at disconnect. */
    credentials: bytea('credentials'),
    /** Sealed `{displayAddress, host, excludedFolders}`: what people see of the account. */
    profile: bytea('profile').notNull(),
    /**
     * Blind index of provider, host and user name: one connection an account and tenant. Random once
     * the member has left, so that the account is free for others.
     */
    accountIndex: uuid('account_index').notNull(),
    backfillSince: date('backfill_since', { mode: 'string' }),
    createdAt: createdAt(),
    disconnectedAt: instant('disconnected_at'),
    /** When a disconnected connection's data is erased; null keeps it. */
    eraseAfter: instant('erase_after'),
    /** The last time that somebody asked to list everything again. */
    resyncRequestedAt: instant('resync_requested_at'),
    reconcileRequestedAt: instant('reconcile_requested_at'),
    /** Deletions that were held at that moment may pass. */
    deletionsConfirmedAt: instant('deletions_confirmed_at'),
    /** The generation that began with the present credentials; 0: those it was connected with. */
    credentialsGeneration: integer('credentials_generation').notNull().default(0),
    /** The generation in which history was last asked to reach further back; 0: in none. */
    historyGeneration: integer('history_generation').notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    unique().on(table.tenantId, table.accountIndex),
  ],
);

/** How a capability of a connection is doing, as its workflow and slices measured it. */
export const syncStatus = pgTable(
  'sync_status',
  {
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    capability: text('capability').notNull(),
    state: text('state').notNull(),
    /** A failure's code or kind; never the provider's words. */
    reason: text('reason'),
    stateSince: instant('state_since').notNull().defaultNow(),
    lastErrorKind: text('last_error_kind'),
    lastErrorAt: instant('last_error_at'),
    nextAttemptAt: instant('next_attempt_at'),
    loginStrikes: smallint('login_strikes').notNull().default(0),
    /** The last time a live slice found the store equal to the provider's counters. */
    caughtUpAt: instant('caught_up_at'),
    /** Since when a change is known (poke, counters) that is not stored yet. */
    behindSince: instant('behind_since'),
    watchSeenAt: instant('watch_seen_at'),
    /** When a look last compared what no counter shows, and erased what was due. */
    safetyLookedAt: instant('safety_looked_at'),
    /** Until when the provider asked to be left alone. */
    throttledUntil: instant('throttled_until'),
    backfillDoneAt: instant('backfill_done_at'),
    /** When the resync that was asked for last was taken up. */
    resyncedAt: instant('resynced_at'),
    reconcileStartedAt: instant('reconcile_started_at'),
    reconciledAt: instant('reconciled_at'),
    /** Items that the brake keeps until somebody confirms that they were deleted. */
    deletionsHeld: integer('deletions_held').notNull().default(0),
    /** What the provider lets be changed; null before the first look. */
    abilities: text('abilities').array(),
    /** The generation whose changes the slices have taken up. */
    takenUpGeneration: integer('taken_up_generation').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.connectionId, table.capability] })],
);

/** One collection: its two cursors and its counts. For IMAP it shares its id with the folder. */
export const collections = pgTable(
  'collections',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    liveCursor: jsonb('live_cursor'),
    backfillCursor: jsonb('backfill_cursor'),
    backfillDone: boolean('backfill_done').notNull().default(false),
    /** The provider's counters when the store last equalled them. */
    mark: text('mark'),
    /** Why the provider will not hand it out: a failure's code; null while it does. */
    trouble: text('trouble'),
    stored: integer('stored').notNull().default(0),
    expected: integer('expected').notNull().default(0),
    /** Set while the folder is behind the others: a twin stored since may be a message that moved. */
    inStepUntil: instant('in_step_until'),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

export const folders = pgTable(
  'folders',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    /** Sealed `{path: string[], ref}`. */
    name: bytea('name').notNull(),
    role: text('role'),
    uidValidity: text('uid_validity'),
    excluded: boolean('excluded').notNull().default(false),
    createdAt: createdAt(),
    /** Gone at the provider since then. */
    hiddenAt: instant('hidden_at'),
    /** Blind index of the provider's present name, once it is another than the id's own. */
    refIndex: uuid('ref_index'),
    /** Blind index of the provider's own id of the folder, where it gives one. */
    objectIndex: uuid('object_index'),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);
