import { sql, type SQL } from 'drizzle-orm';
import type { Tx } from '../client.ts';

/**
 * Addresses are stored once each, whichever of the tenant's mailboxes use them. A page that uses one
 * that stands already does not touch its row, and an eraser cannot see the page before its
 * transaction has ended: it would take the address for unused. So pages of a tenant hold this lock
 * together, and an eraser of addresses holds it alone. Keywords belong to a connection, whose pages
 * take turns anyway.
 */
const lockSpace = 0x6e61;

/** To be asked for before rows are written, so that nobody waits in a circle. */
export function nameLockOfPage(tenantId: string): SQL {
  return sql`pg_advisory_xact_lock_shared(${lockSpace}, hashtext(${tenantId}))`;
}

/**
 * Waits for the pages that are being stored, and keeps others out until the transaction ends: call
 * it before rows are written, and only when there is something to erase.
 */
export async function lockNames(tx: Tx, tenantId: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${lockSpace}, hashtext(${tenantId}))`);
}
