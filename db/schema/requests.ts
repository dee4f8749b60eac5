import { pgTable, primaryKey, smallint, uuid } from 'drizzle-orm/pg-core';
import { bytea, createdAt, instant, tenantId } from './columns.ts';

/** Answers of requests that carried an Idempotency-Key, kept 24 hours. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    tenantId: tenantId(),
    /** Blind index of actor, route and key. */
    id: uuid('id').notNull(),
    /** SHA-256 of the request’s body and query. */
    requestHash: bytea('request_hash').notNull(),
    /** Null while the first request runs. With a status and no response the answer is lost. */
    status: smallint('status'),
    /** Sealed answer; secrets that are shown once are left out. */
    response: bytea('response'),
    createdAt: createdAt(),
    /** When the first request was carried out; its answer comes later, or never. */
    doneAt: instant('done_at'),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.id] })],
);
