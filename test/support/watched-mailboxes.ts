import { sql } from 'drizzle-orm';
import { createHostGate } from '../../activities/watch/host-gate.ts';
import { holdWatchShard } from '../../activities/watch/hold-watch-shard.ts';
import type { WatchTimes } from '../../activities/watch/watch-times.ts';
import { runLiveSlice, type LiveSliceInput } from '../../activities/mail/live-slice.ts';
import type { SliceReport } from '../../domain/sync.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { FoundLicence } from '../../db/fence.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createLogger } from '../../runtime/logger.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { createTestConnection } from './connection.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestKeyring } from './keys.ts';
import { undisturbed } from './slice-life.ts';

/** Minutes become fractions of a second; the proportions stay. */
const shortTimes: Partial<WatchTimes> = {
  rosterMs: 50,
  sweepMs: 400,
  reconnectSpreadMs: 50,
  steadyMs: 0,
  backoffFirstMs: 50,
  backoffMaxMs: 1_000,
  unwatchedAfterMs: 60_000,
  pokeGapFirstMs: 20,
  pokeGapMaxMs: 400,
};

export interface WatchedMailboxes {
  base: TestDatabase;
  connections: FoundLicence[];
  /** Connection ids, in the order in which they were poked. */
  pokes: string[];
  pokesOf(connection: FoundLicence): number;
  /** Looks at a mailbox as its workflow would, because of a poke unless it is said otherwise. */
  look(connection: FoundLicence, why?: Partial<LiveSliceInput>): Promise<SliceReport>;
  status(
    connection: FoundLicence,
  ): Promise<{ watchSeenAt: string | null; behindSince: string | null }>;
  /** Ends the watch; `stop` does so too. */
  close(): Promise<void>;
  stop(): Promise<void>;
}

export interface WatchedMailboxesOptions {
  /** Where each mailbox is: its server's port and its user. */
  accounts: { port: number; username: string; password: string; host?: string }[];
  /** Whether the store is brought in step first (the default). */
  inStep?: boolean;
  times?: Partial<WatchTimes>;
  limits?: Parameters<typeof createImapProvider>[1];
  deps?: (deps: ActivityDeps) => Partial<ActivityDeps>;
}

/** One shard of the watch over real rows, without Temporal: what it would say is counted. */
export async function watchMailboxes(options: WatchedMailboxesOptions): Promise<WatchedMailboxes> {
  const base = await createTestDatabase();
  const keyring = createTestKeyring(base.keys);
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  const vault = await keyring.vault(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  const network = { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true };
  const mail = createImapProvider(network, options.limits);
  const encoder = createPageEncoder(keyring);
  const pokes: string[] = [];
  const common: ActivityDeps = {
    ...{ database: base.app, keyring, encoder, mail },
    poke: async (connectionId) => void pokes.push(connectionId),
    log: createLogger({ name: 'worker', level: 'error' }),
    watchTimes: { ...shortTimes, ...options.times },
  };
  const deps = { ...common, ...options.deps?.(common) };
  const connections: FoundLicence[] = [];
  for (const { host = '127.0.0.1', ...account } of options.accounts) {
    const imap = { ...account, host, security: 'none' as const };
    connections.push(await createTestConnection(base.app, vault, imap));
  }
  const look: WatchedMailboxes['look'] = async ({ connectionId }, why = {}) => {
    const target = { tenantId, connectionId, capability: 'mail' as const };
    const input = { ...target, poked: true, cautious: false, failuresBefore: 0, ...why };
    return await runLiveSlice(deps, input, undisturbed);
  };
  // In step before the watch begins, so that a poke tells of a change.
  if (options.inStep ?? true) for (const connection of connections) await look(connection);
  const stopping = new AbortController();
  const held = holdWatchShard(deps, createHostGate(), 0, stopping.signal).catch(
    (error: unknown) => {
      if (!stopping.signal.aborted) throw error;
    },
  );
  const close = async (): Promise<void> => {
    stopping.abort();
    await held;
  };
  return {
    ...{ base, connections, pokes, look, close },
    pokesOf: ({ connectionId }) => pokes.filter((id) => id === connectionId).length,
    status: async ({ connectionId }) => {
      const [row] = await withTenant(base.app, tenantId, (tx) =>
        tx.execute<{ watchSeenAt: string | null; behindSince: string | null }>(sql`
          select watch_seen_at as "watchSeenAt", behind_since as "behindSince"
          from sync_status where connection_id = ${connectionId}`),
      );
      return row!;
    },
    stop: async () => {
      await close();
      await mail.close();
      await encoder[Symbol.asyncDispose]();
      await base.drop();
    },
  };
}
