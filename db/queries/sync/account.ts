import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';

/** What a slice needs of its connection; the sealed values are opened by the caller. */
export interface SealedAccount {
  credentials: Uint8Array | null;
  profile: Uint8Array;
  backfillSince: string | null;
  eraseAfter: Date | null;
  disconnectedAt: Date | null;
  /** Somebody asked to list everything again, and no slice has begun to. */
  resyncRequestedAt: Date | null;
}

export async function readSealedAccount(
  tx: Tx,
  key: { tenantId: string; connectionId: string; capability: string },
): Promise<SealedAccount | undefined> {
  const [row] = await tx.execute<{
    credentials: Uint8Array | null;
    profile: Uint8Array;
    backfill_since: string | null;
    erase_after: string | null;
    disconnected_at: string | null;
    resync_requested_at: string | null;
  }>(sql`
    select c.credentials, c.profile, c.backfill_since, c.erase_after, c.disconnected_at,
      case when s.resynced_at is null or s.resynced_at < c.resync_requested_at
        then c.resync_requested_at end as resync_requested_at
    from connections c join sync_status s on s.tenant_id = c.tenant_id
      and s.connection_id = c.id and s.capability = ${key.capability}
    where c.tenant_id = ${key.tenantId} and c.id = ${key.connectionId}`);
  if (!row) return undefined;
  const date = (text: string | null) => (text === null ? null : new Date(text));
  return {
    credentials: row.credentials,
    profile: row.profile,
    backfillSince: row.backfill_since,
    eraseAfter: date(row.erase_after),
    disconnectedAt: date(row.disconnected_at),
    resyncRequestedAt: date(row.resync_requested_at),
  };
}
