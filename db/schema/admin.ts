import { bigint, pgSchema, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, createdAt, instant } from './columns.ts';

/** What belongs to the installation and its operators rather than to a tenant. */
export const admin = pgSchema('admin');

export const operators = admin.table('operators', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  keyHash: bytea('key_hash').notNull().unique(),
  createdAt: createdAt(),
  revokedAt: instant('revoked_at'),
});

/** Append-only; every row carries the hash of the one before it. Ids only, no personal data. */
export const auditLog = admin.table('audit_log', {
  seq: bigint('seq', { mode: 'number' }).primaryKey(),
  tenantId: uuid('tenant_id'),
  /** `operator:<id>`, `key:<id>`, `member:<id>` or `system`. */
  actor: text('actor').notNull(),
  action: text('action').notNull(),
  target: text('target').notNull(),
  at: instant('at').notNull(),
  previousHash: bytea('previous_hash').notNull(),
  hash: bytea('hash').notNull(),
});
