import { sql } from 'drizzle-orm';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import { openDatabase } from '../../db/client.ts';
import type { FoundLicence } from '../../db/fence.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { createImapProvider, type ImapProvider } from '../../providers/imap/provider.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { createTestConnection } from '../support/connection.ts';
import type { Dovecot } from '../support/dovecot.ts';
import { waitFor } from '../support/wait-for.ts';
import { openCountingProxy } from './counting-proxy.ts';
import type { Store } from './store.ts';
import { undisturbed } from '../support/slice-life.ts';

/** What one live slice took. */
export interface Cost {
  bytes: number;
  commands: number;
  /** Rows read by scans of tables, and entries read by scans of indexes. */
  rowsRead: number;
  rowsWritten: number;
}

/** A mailbox whose slices the bench runs itself, with a meter on the wire and one on the store. */
export interface MeteredMailbox {
  /** A live slice, then history until none is left. Returns how many messages are stored. */
  importAll(): Promise<number>;
  /** @throws when the slice did not store four messages, update three and remove three */
  liveSlice(): Promise<Cost>;
  close(): Promise<void>;
}

type Deps = Omit<ActivityDeps, 'database'>;

export async function openMeteredMailbox(store: Store, dovecot: Dovecot): Promise<MeteredMailbox> {
  const proxy = await openCountingProxy(dovecot.port);
  const { deps, licence, close } = await connect(store, { ...dovecot, port: proxy.port });
  const owner = openDatabase(store.ownerUrl, { poolMax: 1, applicationName: 'steward-bench' });
  const target = { ...licence, capability: 'mail' as const, failuresBefore: 0 };
  const live = { ...target, poked: true, cautious: false };
  return {
    importAll: async () => {
      const before = { ...deps, database: store.app };
      await runLiveSlice(before, live, undisturbed);
      for (;;) {
        const { outcome, progress } = await runBackfillSlice(before, target, undisturbed);
        if (outcome === 'failed') throw new Error('the import failed');
        if (outcome !== 'done') continue;
        await owner.sql.unsafe('vacuum analyze');
        return progress.stored;
      }
    },
    liveSlice: async () => {
      const before = await readRows(owner.sql);
      proxy.take();
      const report = await withOwnDatabase(store, owner.sql, (database) =>
        runLiveSlice({ ...deps, database }, live, undisturbed),
      );
      const { sent, received, commands } = proxy.take();
      requireTenChanges(report);
      const { read, written } = await readRows(owner.sql);
      return {
        bytes: sent + received,
        commands,
        rowsRead: read - before.read,
        rowsWritten: written - before.written,
      };
    },
    close: async () => {
      await close();
      await owner.close();
      await proxy.close();
    },
  };
}

/** A tenant with one connection, and what its slices need. */
async function connect(
  store: Store,
  { port, user, password }: Pick<Dovecot, 'port' | 'user' | 'password'>,
): Promise<{ deps: Deps; licence: FoundLicence; close(): Promise<void> }> {
  const tenantId = uuidv7();
  const keyring = createKeyring({
    rootKeys: () => [store.rootKey],
    store: createWrappedKeyStore(store.keys),
    cacheMs: 600_000,
    cacheMax: 10,
  });
  await keyring.create(tenantId);
  await store.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Bench')`);
  const licence = await createTestConnection(store.app, await keyring.vault(tenantId), {
    ...{ host: '127.0.0.1', port, security: 'none' },
    ...{ username: user, password },
  });
  const encoder = createPageEncoder(keyring);
  const mail: ImapProvider = createImapProvider(
    { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true },
    // The session stays open however long the changes take: a login is no part of their cost.
    { poolIdleMs: 3_600_000, livenessAfterMs: 3_600_000 },
  );
  const deps: Deps = {
    ...{ keyring, encoder, mail },
    poke: async () => {},
    log: { info: () => {}, warn: (facts, message) => console.error(message, facts) },
  };
  const close = async (): Promise<void> => {
    await mail.close();
    await encoder[Symbol.asyncDispose]();
  };
  return { deps, licence, close };
}

type Sql = ReturnType<typeof openDatabase>['sql'];

/** Runs work over database connections whose counters are complete when they have ended. */
async function withOwnDatabase<T>(
  store: Store,
  owner: Sql,
  work: (database: ReturnType<typeof openDatabase>) => Promise<T>,
): Promise<T> {
  const applicationName = 'steward-bench-slice';
  const database = openDatabase(store.appUrl, { poolMax: 2, applicationName });
  const result = await work(database);
  await database.close();
  const hasEnded = async (): Promise<boolean> => {
    const left = await owner`
      select from pg_stat_activity where application_name = ${applicationName}`;
    return left.length === 0;
  };
  await waitFor(hasEnded, { what: 'the end of the connections' });
  return result;
}

function requireTenChanges(report: SliceReport): void {
  const { stored, updated, removed } = report;
  if (stored === 4 && updated === 3 && removed === 3) return;
  throw new Error(`not ten changes: ${JSON.stringify(report)}`);
}

async function readRows(owner: Sql): Promise<{ read: number; written: number }> {
  await owner`select pg_stat_clear_snapshot()`;
  const [row] = await owner<{ read: string; written: string }[]>`
    select (select sum(seq_tup_read) from pg_stat_user_tables)
        + (select sum(idx_tup_read) from pg_stat_user_indexes) as read,
      (select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables) as written`;
  return { read: Number(row!.read), written: Number(row!.written) };
}
