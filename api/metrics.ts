import { Gauge, Histogram, Registry } from 'prom-client';

export interface RequestFacts {
  method: string;
  route: string;
  status: number;
  seconds: number;
}

/** Sums over all tenants, as `api/sync-totals.ts` reads them. */
export interface SyncTotals {
  byState: Map<string, number>;
  lagSecondsMax: number;
  stored: number;
  skips: number;
  deletionsHeld: number;
  /** Left missing by each connection's last reconciliation. */
  missing: number;
  /** The least complete connection; 1 while none is known to lack anything. */
  completenessMin: number;
}

export interface ApiMetrics {
  observeRequest(facts: RequestFacts): void;
  /** The text that Prometheus scrapes. No label names a tenant, a member or an account. */
  render(totals: SyncTotals): Promise<{ contentType: string; body: string }>;
}

/** From a cached answer to a login at a slow mail server. */
const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The process's metrics in a registry of their own, so that tests don't share one. */
export function createApiMetrics(): ApiMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Histogram({
    name: 'steward_http_request_duration_seconds',
    help: 'Time to answer HTTP requests, by route pattern.',
    labelNames: ['method', 'route', 'status'],
    buckets: latencyBuckets,
    registers,
  });
  const connections = new Gauge({
    name: 'steward_connections',
    help: 'Connections by state.',
    labelNames: ['state'],
    registers,
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const lag = gauge('steward_sync_lag_seconds_max', 'The greatest lag of any connection.');
  const stored = gauge('steward_messages_stored', 'Messages stored, over all folders.');
  const skips = gauge('steward_skips', 'Items in quarantine.');
  const held = gauge('steward_deletions_held', 'Deletions that wait to be confirmed.');
  const missing = gauge('steward_messages_missing', 'Missing after the last reconciliations.');
  const complete = gauge('steward_completeness_min', 'The least complete connection, 0 to 1.');
  return {
    observeRequest: ({ method, route, status, seconds }) => {
      requests.observe({ method, route, status: String(status) }, seconds);
    },
    render: async (totals) => {
      connections.reset();
      for (const [state, count] of totals.byState) connections.set({ state }, count);
      lag.set(totals.lagSecondsMax);
      stored.set(totals.stored);
      skips.set(totals.skips);
      held.set(totals.deletionsHeld);
      missing.set(totals.missing);
      complete.set(totals.completenessMin);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
