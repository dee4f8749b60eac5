import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';

export interface AuditEntryRow {
  /** Place in the chain, from 1. */
  position: number;
  tenantId: string | null;
  actor: string;
  action: string;
  target: string;
  at: string;
}

/**
 * Entries of one tenant, or of the whole installation, newest first, below a position. The log
 * stands outside row-level security: whoever asks for a tenant names it here.
 */
export async function listAuditEntries(
  tx: Pick<Tx, 'execute'>,
  tenantId: string | undefined,
  { below, limit }: { below: number | undefined; limit: number },
): Promise<AuditEntryRow[]> {
  const ofTenant = tenantId === undefined ? sql`true` : sql`tenant_id = ${tenantId}`;
  const older = below === undefined ? sql`true` : sql`seq < ${below}`;
  const rows = await tx.execute<Omit<AuditEntryRow, 'position'> & { position: string }>(sql`
    select seq::text as position, tenant_id as "tenantId", actor, action, target, at
    from admin.audit_log where ${ofTenant} and ${older} order by seq desc limit ${limit}`);
  return rows.map((row) => ({ ...row, position: Number(row.position) }));
}
