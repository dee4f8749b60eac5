import { customType, timestamp, uuid } from 'drizzle-orm/pg-core';

/** Sealed values, hashes and keys. */
export const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'bytea',
});

export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

export const tenantId = () => uuid('tenant_id').notNull();

export const createdAt = () => instant('created_at').notNull().defaultNow();
