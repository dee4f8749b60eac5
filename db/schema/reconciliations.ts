import { bigint, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import type { SkipReason } from '../../domain/provider.ts';
import { instant, tenantId } from './columns.ts';

/** What comparing one folder with the provider's listing found, and what was left afterwards. */
export const reconciliations = pgTable(
  'reconciliations',
  {
    id: uuid('id').notNull(),
    tenantId: tenantId(),
    connectionId: uuid('connection_id').notNull(),
    /** Null for what stood in no folder at all. */
    folderId: uuid('folder_id'),
    /** The numbering that the run began under; under another one it begins again. */
    uidValidity: text('uid_validity'),
    startedAt: instant('started_at').notNull().defaultNow(),
    finishedAt: instant('finished_at'),
    /** Through this UID the differences are counted; a repeated window counts none twice. */
    countedUid: bigint('counted_uid', { mode: 'number' }).notNull().default(0),
    /** Through this UID they are mended as well: where the next slice goes on. */
    healedUid: bigint('healed_uid', { mode: 'number' }).notNull().default(0),
    listed: integer('listed').notNull().default(0),
    /** Listed and not stored, because older than the member asked for. */
    outside: integer('outside').notNull().default(0),
    /** Listed and stored at the end. */
    stored: integer('stored').notNull().default(0),
    missingBefore: integer('missing_before').notNull().default(0),
    missingAfter: integer('missing_after').notNull().default(0),
    /** Stored and not listed. */
    extra: integer('extra').notNull().default(0),
    /** Stored, but not as it was read: changed, torn or unreadable rows. */
    altered: integer('altered').notNull().default(0),
    skipped: jsonb('skipped').notNull().default({}).$type<Partial<Record<SkipReason, number>>>(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);
