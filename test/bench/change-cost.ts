import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from 'drizzle-orm';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import { openDatabase } from '../../db/client.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { createTestConnection } from '../support/connection.ts';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../support/dovecot.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { waitFor } from '../support/wait-for.ts';
import { openCountingProxy, type CountingProxy } from './counting-proxy.ts';
import { machine, percentile, publish } from './figures.ts';
import { prepareStore, type Store } from './store.ts';

/** The bar of the design, for servers that speak QRESYNC. */
const ratioMax = 1.2;

/** The first round opens the session and warms caches; it is not counted. */
const rounds = 4;

interface Cost {
  bytes: number;
  commands: number;
  rows: number;
}

type Costs = keyof Cost;

/**
 * Ten changes (four arrivals, three flags, three expunges) in a small and in a large mailbox: what
 * a live slice costs in bytes on the wire, in commands and in rows touched, at each level of server.
 */
export async function benchChangeCost(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      small: { type: 'string', default: '2000' },
      large: { type: 'string', default: '200000' },
      levels: { type: 'string', default: 'qresync,condstore,plain' },
    },
  });
  console.log(machine());
  const rows: object[] = [];
  let kept = true;
  for (const level of values.levels.split(',') as CapabilityLevel[]) {
    const small = await measure(level, Number(values.small));
    const large = await measure(level, Number(values.large));
    for (const what of ['bytes', 'commands', 'rows'] satisfies Costs[]) {
      const ratio = large[what] / small[what];
      if (level === 'qresync' && ratio > ratioMax) kept = false;
      const [few, many] = [`in ${values.small}`, `in ${values.large}`];
      rows.push({ level, what, [few]: small[what], [many]: large[what], ratio: ratio.toFixed(2) });
    }
  }
  publish('change-cost', rows, { small: values.small, large: values.large });
  if (kept) return;
  console.error(`More than ${ratioMax} times the cost with QRESYNC.`);
  process.exitCode = 1;
}

async function measure(level: CapabilityLevel, messages: number): Promise<Cost> {
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-bench-'));
  chmodSync(folder, 0o755); // Postgres runs as another account when root runs the bench
  const store = await prepareStore(folder);
  const dovecot = await startDovecot({ capabilities: level });
  generateMaildir({ maildir: dovecot.maildir, messages, folders: 1, seed: 1, mix: 'text' });
  const proxy = await openCountingProxy(dovecot.port);
  const mailbox = await openMailbox(store, dovecot, proxy);
  try {
    const stored = await mailbox.importAll();
    if (stored !== messages) throw new Error(`stored ${stored} of ${messages}`);
    const costs: Cost[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await makeTenChanges(dovecot, round);
      const cost = await mailbox.liveSlice();
      if (round > 0) costs.push(cost);
    }
    const median = (what: Costs): number =>
      percentile(
        costs.map((cost) => cost[what]),
        0.5,
      );
    console.log(`${level}, ${messages} messages: ${JSON.stringify(costs)}`);
    return { bytes: median('bytes'), commands: median('commands'), rows: median('rows') };
  } finally {
    await mailbox.close();
    await proxy.close();
    await dovecot.stop();
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openMailbox(store: Store, dovecot: Dovecot, proxy: CountingProxy) {
  const tenantId = uuidv7();
  const keys = createWrappedKeyStore(store.keys);
  const keyring = createKeyring({
    rootKeys: () => [store.rootKey],
    store: keys,
    cacheMs: 600_000,
    cacheMax: 10,
  });
  await keyring.create(tenantId);
  await store.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Bench')`);
  const licence = await createTestConnection(store.app, await keyring.vault(tenantId), {
    ...{ host: '127.0.0.1', port: proxy.port, security: 'none' },
    ...{ username: dovecot.user, password: dovecot.password },
  });
  const owner = openDatabase(store.ownerUrl, { poolMax: 1, applicationName: 'steward-bench' });
  const encoder = createPageEncoder(keyring);
  const mail = createImapProvider(
    { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true },
    // The session stays open however long the changes take: a login is no part of their cost.
    { poolIdleMs: 3_600_000, livenessAfterMs: 3_600_000 },
  );
  const deps: Omit<ActivityDeps, 'database'> = {
    ...{ keyring, encoder, mail },
    poke: async () => {},
    log: { info: () => {}, warn: (facts, message) => console.error(message, facts) },
  };
  const life = { heartbeat: () => {}, cancelled: () => false };
  const target = { ...licence, capability: 'mail' as const, failuresBefore: 0 };
  const live = { ...target, poked: true, cautious: false };
  return {
    importAll: async (): Promise<number> => {
      const before = { ...deps, database: store.app };
      await runLiveSlice(before, live, life);
      for (;;) {
        const { outcome, progress } = await runBackfillSlice(before, target, life);
        if (outcome === 'failed') throw new Error('the import failed');
        if (outcome !== 'done') continue;
        await owner.sql.unsafe('vacuum analyze');
        return progress.stored;
      }
    },
    /** One slice over database connections of its own, whose counters are complete when they end. */
    liveSlice: async (): Promise<Cost> => {
      const applicationName = 'steward-bench-slice';
      const database = openDatabase(store.appUrl, { poolMax: 2, applicationName });
      const before = await rowsTouched(owner.sql);
      proxy.take();
      const report = await runLiveSlice({ ...deps, database }, live, life);
      const { sent, received, commands } = proxy.take();
      await database.close();
      await waitFor(
        async () => {
          const left = await owner.sql`
            select from pg_stat_activity where application_name = ${applicationName}`;
          return left.length === 0;
        },
        { what: 'the end of the connections' },
      );
      const { stored, updated, removed } = report;
      if (stored !== 4 || updated !== 3 || removed !== 3) {
        throw new Error(`not ten changes: ${JSON.stringify(report)}`);
      }
      return { bytes: sent + received, commands, rows: (await rowsTouched(owner.sql)) - before };
    },
    close: async (): Promise<void> => {
      await mail.close();
      await encoder[Symbol.asyncDispose]();
      await owner.close();
    },
  };
}

/** Rows read by scans of tables and entries read by scans of indexes, and rows written. */
async function rowsTouched(owner: ReturnType<typeof openDatabase>['sql']): Promise<number> {
  await owner`select pg_stat_clear_snapshot()`;
  const [row] = await owner<{ rows: string }[]>`
    select (select sum(seq_tup_read + n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables)
      + (select sum(idx_tup_read) from pg_stat_user_indexes) as rows`;
  return Number(row!.rows);
}

/** At places spread over the mailbox, each round at others. */
async function makeTenChanges(dovecot: Dovecot, round: number): Promise<void> {
  const client = await dovecot.imap();
  const { exists } = await client.mailboxOpen('INBOX');
  const at = (share: number): string => String(Math.floor(exists * share) + round + 1);
  await client.messageFlagsAdd([0.1, 0.5, 0.9].map(at).join(), [`$round${round}`]);
  await client.messageDelete([0.2, 0.6, 0.8].map(at).join());
  for (let i = 0; i < 4; i += 1) {
    const id = `arrival-${round}-${i}`;
    await client.append('INBOX', `Subject: ${id}\r\nMessage-ID: <${id}@x>\r\n\r\nhello\r\n`);
  }
  await client.logout();
}
