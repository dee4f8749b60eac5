import { integer, pgSchema, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, createdAt, instant } from './columns.ts';

/**
 * What must be found before the tenant is known, or across tenants. Outside row-level security,
 * hence without personal data.
 */
export const directory = pgSchema('directory');

export const directoryTenants = directory.table('tenants', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  region: text('region'),
  state: text('state').notNull().default('active'),
  /** Raised by every transition of the tenant; part of the fence. */
  epoch: integer('epoch').notNull().default(1),
  createdAt: createdAt(),
});

export const directoryConnections = directory.table(
  'connections',
  {
    id: uuid('id').notNull(),
    capability: text('capability').notNull(),
    tenantId: uuid('tenant_id').notNull(),
    provider: text('provider').notNull(),
    /** `run`, `paused` or `disconnected`: what a person wants. */
    wanted: text('wanted').notNull().default('run'),
    watchShard: smallint('watch_shard'),
    /** Raised by disconnect and resync; part of the fence. */
    generation: integer('generation').notNull().default(1),
    /** Set when nothing is left to do for it: its workflow has ended. */
    closedAt: instant('closed_at'),
    createdAt: createdAt(),
  },
  (table) => [primaryKey({ columns: [table.id, table.capability] })],
);

export const directoryApiKeys = directory.table('api_keys', {
  id: uuid('id').primaryKey(),
  tenantId: uuid('tenant_id').notNull(),
  /** SHA-256 of the key; a key has 256 random bits, so it needs no salt. */
  hash: bytea('hash').notNull().unique(),
  createdAt: createdAt(),
  revokedAt: instant('revoked_at'),
  /** What uses the key, in a word of the CRM's own. */
  label: text('label'),
  /** A closed list: domain/scope.ts. */
  scopes: text('scopes').array().notNull(),
});

/** Short-lived tokens for browsers, each bound to one member. */
export const directoryMemberTokens = directory.table('member_tokens', {
  id: uuid('id').primaryKey(),
  tenantId: uuid('tenant_id').notNull(),
  /** The key that made it; revoking the key ends the token. */
  keyId: uuid('key_id').notNull(),
  memberId: uuid('member_id').notNull(),
  hash: bytea('hash').notNull().unique(),
  createdAt: createdAt(),
  expiresAt: instant('expires_at').notNull(),
  /** Those of its key, or fewer. */
  scopes: text('scopes').array().notNull(),
});
