import { integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { bytea, createdAt } from './columns.ts';

/** The only table of the keys database: tenants' keys, wrapped by the root key. */
export const wrappedKeys = pgTable(
  'wrapped_keys',
  {
    tenantId: uuid('tenant_id').notNull(),
    purpose: text('purpose').notNull().$type<'data' | 'index'>(),
    version: integer('version').notNull(),
    rootKeyId: text('root_key_id').notNull(),
    wrapped: bytea('wrapped').notNull(),
    createdAt: createdAt(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.purpose, table.version] })],
);
