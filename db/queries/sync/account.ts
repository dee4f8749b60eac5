import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';

/** What a slice needs of its connection; the sealed values are opened by the caller. */
export interface SealedAccount {
  credentials: Uint8Array | null;
  profile: Uint8Array;
  backfillSince: string | null;
  eraseAfter: Date | null;
  disconnectedAt: Date | null;
}

export async function readSealedAccount(
  tx: Tx,
  { tenantId, connectionId }: { tenantId: string; connectionId: string },
): Promise<SealedAccount | undefined> {
  const [row] = await tx.execute<{
    credentials: Uint8Array | null;
    profile: Uint8Array;
    backfill_since: string | null;
    erase_after: string | null;
    disconnected_at: string | null;
  }>(sql`
    select credentials, profile, backfill_since, erase_after, disconnected_at
    from connections where tenant_id = ${tenantId} and id = ${connectionId}`);
  if (!row) return undefined;
  return {
    credentials: row.credentials,
    profile: row.profile,
    backfillSince: row.backfill_since,
    eraseAfter: row.erase_after === null ? null : new Date(row.erase_after),
    disconnectedAt: row.disconnected_at === null ? null : new Date(row.disconnected_at),
  };
}
