import type { Database } from '../db/client.ts';
import { readProgress } from '../db/queries/progress.ts';
import { listTenants } from '../db/queries/tenants.ts';
import { withTenant } from '../db/tenant.ts';
import { secondMs } from '../domain/clock.ts';
import type { SyncTotals } from './metrics.ts';
import { viewSync } from './sync-view.ts';

/** Several scrapers, or an impatient one, share a reading. */
const freshMs = 15 * secondMs;
const tenantsPerPage = 200;

/**
 * Sums over all tenants. Row-level security shows this role one tenant at a time, so it walks the
 * directory; the reading is kept for a while.
 */
export function createSyncTotals(database: Database): () => Promise<SyncTotals> {
  let cached: { atMs: number; totals: Promise<SyncTotals> } | undefined;
  return () => {
    if (cached && Date.now() - cached.atMs < freshMs) return cached.totals;
    const totals = readTotals(database);
    cached = { atMs: Date.now(), totals };
    totals.catch(() => (cached = undefined));
    return totals;
  };
}

async function readTotals(database: Database): Promise<SyncTotals> {
  const totals: SyncTotals = {
    ...{ byState: new Map(), lagSecondsMax: 0, stored: 0, skips: 0 },
    ...{ deletionsHeld: 0, missing: 0, completenessMin: 1 },
  };
  let after: { at: string; id: string } | undefined;
  for (;;) {
    const tenants = await listTenants(database.db, { after, limit: tenantsPerPage });
    for (const { id } of tenants) {
      const rows = await withTenant(database, id, (tx) => readProgress(tx, id));
      for (const row of rows) {
        const { state, lagSeconds, completeness } = viewSync(row);
        totals.byState.set(state, (totals.byState.get(state) ?? 0) + 1);
        if (row.wanted === 'run') {
          totals.lagSecondsMax = Math.max(totals.lagSecondsMax, lagSeconds ?? 0);
        }
        totals.stored += row.stored;
        totals.skips += row.skips;
        totals.deletionsHeld += row.deletionsHeld;
        totals.missing += row.reconciliation?.missing_after ?? 0;
        totals.completenessMin = Math.min(totals.completenessMin, completeness ?? 1);
      }
    }
    const last = tenants.at(-1);
    if (!last || tenants.length < tenantsPerPage) return totals;
    after = { at: '', id: last.id };
  }
}
