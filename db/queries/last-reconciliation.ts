import { sql } from 'drizzle-orm';

/** The rows of the last run that was finished, of `sync_status s`. */
export const lastRunOf = sql`r.tenant_id = s.tenant_id and r.connection_id = s.connection_id
  and r.finished_at is not null and r.started_at >= s.reconciled_at
  and (s.reconcile_started_at <= s.reconciled_at or r.started_at < s.reconcile_started_at)`;

/** Sums over the last run, of `sync_status s`. */
export const lastTotals = sql`
  select max(r.finished_at) as finished_at,
    coalesce(sum(r.listed - r.outside), 0)::int as listed,
    coalesce(sum(r.stored), 0)::int as stored,
    coalesce(sum(r.missing_before), 0)::int as missing_before,
    coalesce(sum(r.missing_after), 0)::int as missing_after,
    coalesce(sum(r.extra), 0)::int as extra, coalesce(sum(r.altered), 0)::int as altered
  from reconciliations r where ${lastRunOf}`;
