import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import { credentialsRenewed, historyDeepened } from '../taken-up.ts';

/** What a slice needs of its connection; the sealed values are opened by the caller. */
export interface SealedAccount {
  credentials: Uint8Array | null;
  profile: Uint8Array;
  backfillSince: string | null;
  eraseAfter: Date | null;
  disconnectedAt: Date | null;
  /** Somebody asked to list everything again, and no slice has begun to. */
  resyncRequestedAt: Date | null;
  /** People changed something that no slice has taken up. */
  changed: boolean;
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
    changed: boolean;
  }>(sql`
    select n.credentials, n.profile, n.backfill_since, n.erase_after, n.disconnected_at,
      case when s.resynced_at is null or s.resynced_at < n.resync_requested_at
        then n.resync_requested_at end as resync_requested_at,
      ${credentialsRenewed} or ${historyDeepened} as changed
    from connections n join sync_status s on s.tenant_id = n.tenant_id
      and s.connection_id = n.id and s.capability = ${key.capability}
    where n.tenant_id = ${key.tenantId} and n.id = ${key.connectionId}`);
  if (!row) return undefined;
  const date = (text: string | null) => (text === null ? null : new Date(text));
  return {
    credentials: row.credentials,
    profile: row.profile,
    backfillSince: row.backfill_since,
    eraseAfter: date(row.erase_after),
    disconnectedAt: date(row.disconnected_at),
    resyncRequestedAt: date(row.resync_requested_at),
    changed: row.changed,
  };
}
