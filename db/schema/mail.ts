import {
  bigint,
  boolean,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { bytea, createdAt, instant, tenantId } from './columns.ts';

export const messages = pgTable(
  'messages',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    threadId: uuid('thread_id').notNull(),
    /** Sealed `MessageEnvelope`. */
    envelope: bytea('envelope').notNull(),
    /** Sealed `MessageBody`. */
    body: bytea('body').notNull(),
    /** Blind index of the RFC 5322 Message-ID; null when it has none. */
    messageIdIndex: uuid('message_id_index'),
    /** Keyed hash of Message-ID, size and internal date: finds a moved message's twin. */
    twinIndex: uuid('twin_index').notNull(),
    /** Tenant-keyed hash of the content: links copies that exist side by side. */
    contentIndex: uuid('content_index').notNull(),
    sentAt: instant('sent_at'),
    receivedAt: instant('received_at').notNull(),
    size: integer('size').notNull(),
    direction: text('direction').notNull(),
    origin: text('origin').notNull(),
    tracked: boolean('tracked').notNull().default(false),
    hasAttachments: boolean('has_attachments').notNull(),
    createdAt: createdAt(),
    /** Set while the message is in no visible folder; erased after the undo window. */
    hiddenAt: instant('hidden_at'),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

/** One message in one folder. */
export const placements = pgTable(
  'placements',
  {
    tenantId: tenantId(),
    folderId: uuid('folder_id').notNull(),
    uid: bigint('uid', { mode: 'number' }).notNull(),
    connectionId: uuid('connection_id').notNull(),
    messageId: uuid('message_id').notNull(),
    flags: smallint('flags').notNull(),
    labelIds: uuid('label_ids').array().notNull(),
    version: bigint('version', { mode: 'bigint' }).notNull(),
    hiddenAt: instant('hidden_at'),
    /** Since when the brake holds its deletion: the provider shows it no more. */
    missingAt: instant('missing_at'),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.folderId, table.uid] })],
);

/** Keywords and labels by name, sealed once each. */
export const labels = pgTable(
  'labels',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    name: bytea('name').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

/** Addresses that take part in a message. `addressId` is the tenant's blind index of the address. */
export const participants = pgTable(
  'participants',
  {
    tenantId: tenantId(),
    messageId: uuid('message_id').notNull(),
    role: text('role').notNull(),
    addressId: uuid('address_id').notNull(),
    connectionId: uuid('connection_id').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.messageId, table.role, table.addressId] }),
  ],
);

export const addresses = pgTable(
  'addresses',
  {
    tenantId: tenantId(),
    /** The blind index of the normalised address. */
    id: uuid('id').notNull(),
    /** Sealed `{address}`. */
    address: bytea('address').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);

/** Which thread a Message-ID belongs to, known from the message itself or from a reference to it. */
export const threadReferences = pgTable(
  'thread_references',
  {
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    messageIdIndex: uuid('message_id_index').notNull(),
    threadId: uuid('thread_id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.connectionId, table.messageIdIndex] })],
);

/** UIDs that are gone, kept 30 days so that a late page cannot bring them back. */
export const tombstones = pgTable(
  'tombstones',
  {
    tenantId: tenantId(),
    folderId: uuid('folder_id').notNull(),
    uidValidity: text('uid_validity').notNull(),
    uid: bigint('uid', { mode: 'number' }).notNull(),
    connectionId: uuid('connection_id').notNull(),
    at: instant('at').notNull().defaultNow(),
    /** A complete listing did not show it; false when the provider said itself that it is gone. */
    inferred: boolean('inferred').notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.folderId, table.uidValidity, table.uid] }),
  ],
);

/** Items that were not stored, each with its reason. */
export const skips = pgTable(
  'skips',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    folderId: uuid('folder_id').notNull(),
    uid: bigint('uid', { mode: 'number' }).notNull(),
    uidValidity: text('uid_validity').notNull(),
    reason: text('reason').notNull(),
    strikes: smallint('strikes').notNull(),
    /** Set at the last strike: the item is passed over until somebody asks for a retry. */
    quarantinedAt: instant('quarantined_at'),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    unique().on(table.tenantId, table.folderId, table.uidValidity, table.uid),
  ],
);
