import { sql } from 'drizzle-orm';
import type { WriteAbility } from '../../domain/mail-writer.ts';
import type { Capability, SyncState, Wanted } from '../../domain/sync.ts';
import type { Tx } from '../client.ts';
import { lastTotals } from './last-reconciliation.ts';
import { credentialsRenewed, historyDeepened } from './taken-up.ts';

/** How a capability of a connection is doing, as rows say it; what follows is derived elsewhere. */
export interface ProgressRow {
  connectionId: string;
  capability: Capability;
  wanted: Wanted;
  /** The product's clock at the time of reading; ages are counted from it. */
  now: string;
  /** As the last slice left it; new credentials that none has taken up may have ended it. */
  state: SyncState;
  renewed: boolean;
  reason: string | null;
  stateSince: string;
  lastErrorKind: string | null;
  lastErrorAt: string | null;
  nextAttemptAt: string | null;
  caughtUpAt: string | null;
  behindSince: string | null;
  watchSeenAt: string | null;
  backfillDoneAt: string | null;
  stored: number;
  expected: number;
  /** Quarantined items. */
  skips: number;
  /** Deletions that wait for the mailbox's owner to confirm them. */
  deletionsHeld: number;
  /** What the provider lets be changed; null before the first look. */
  abilities: WriteAbility[] | null;
  /** The last reconciliation that was finished; null before the first. */
  reconciliation: ReconciliationRow | null;
}

/** Sums over the folders, as the database's JSON says them. */
export interface ReconciliationRow {
  finished_at: string;
  listed: number;
  stored: number;
  missing_before: number;
  missing_after: number;
  extra: number;
  altered: number;
}

/** What the provider lets be changed; nothing before the first look. */
export async function readAbilities(
  tx: Tx,
  { tenantId, connectionId }: { tenantId: string; connectionId: string },
): Promise<WriteAbility[]> {
  const [row] = await tx.execute<{ abilities: WriteAbility[] | null }>(sql`
    select abilities from sync_status
    where tenant_id = ${tenantId} and connection_id = ${connectionId} and capability = 'mail'`);
  return row?.abilities ?? [];
}

/** The progress of these connections; of all of the tenant's when no ids are given. */
export async function readProgress(
  tx: Tx,
  tenantId: string,
  connectionIds?: string[],
): Promise<ProgressRow[]> {
  const which = connectionIds
    ? sql`and s.connection_id = any(${sql.param(connectionIds)}::uuid[])`
    : sql``;
  return await tx.execute<ProgressRow & Record<string, unknown>>(sql`
    select s.connection_id as "connectionId", s.capability, d.wanted, steward_now() as now,
      s.state, ${credentialsRenewed} as renewed, s.reason, s.state_since as "stateSince",
      s.last_error_kind as "lastErrorKind", s.last_error_at as "lastErrorAt",
      case when not ${credentialsRenewed} then s.next_attempt_at end as "nextAttemptAt",
      s.caught_up_at as "caughtUpAt", s.behind_since as "behindSince",
      s.watch_seen_at as "watchSeenAt",
      case when ${historyDeepened} or n.resync_requested_at > coalesce(s.resynced_at, '-infinity')
        then null else s.backfill_done_at end as "backfillDoneAt",
      s.deletions_held as "deletionsHeld",
      s.abilities, totals.stored, totals.expected, skipped.skips,
      case when last.finished_at is not null then to_jsonb(last) end as reconciliation
    from sync_status s
    join directory.connections d on d.id = s.connection_id and d.capability = s.capability
      and d.tenant_id = s.tenant_id
    join connections n on n.tenant_id = s.tenant_id and n.id = s.connection_id
    cross join lateral (
      select least(coalesce(sum(l.stored), 0), 2147483647)::int as stored,
        least(coalesce(sum(l.expected), 0), 2147483647)::int as expected
      from collections l join folders f on f.tenant_id = l.tenant_id and f.id = l.id
      where l.tenant_id = s.tenant_id and l.connection_id = s.connection_id
        and f.hidden_at is null and not f.excluded
    ) totals
    cross join lateral (
      select count(*)::int as skips from skips k
      where k.tenant_id = s.tenant_id and k.connection_id = s.connection_id
        and k.quarantined_at is not null
    ) skipped
    cross join lateral (${lastTotals}) last
    where s.tenant_id = ${tenantId} ${which}`);
}
