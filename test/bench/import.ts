import { deepStrictEqual } from 'node:assert';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { workerMemory } from '../../runtime/worker-memory.ts';
import { createTestConnection } from '../support/connection.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';
import { readOracle } from '../support/imap-oracle.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { readStore } from '../support/store-oracle.ts';
import { prepareStore, type Store } from './store.ts';
import { bareFetch, diskSyncMs, mbsync, type Figures } from './import-peers.ts';

const run = promisify(execFile);

/** What the disk gets to finish what the contender before has left to it. */
const settleMs = 3_000;

/**
 * Imports the same mailbox with Steward, with mbsync (durable, and with FSync off) and with a bare
 * imapflow fetch, in turn, and prints medians. Before each the disk finishes what is left to it, and
 * is measured: the durable mirror can be no faster than the disk.
 */
export async function benchImport(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      messages: { type: 'string', default: '20000' },
      runs: { type: 'string', default: '3' },
      mix: { type: 'string', default: 'usual' },
      /** Compares server and store after every import: UIDs, flags, hashes of bodies. */
      verify: { type: 'boolean', default: false },
      /** Without the others, for mailboxes that would take them very long. */
      alone: { type: 'boolean', default: false },
    },
  });
  const [messages, runs] = [Number(values.messages), Number(values.runs)];
  const mix = values.mix === 'text' ? 'text' : 'usual';
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-bench-'));
  chmodSync(folder, 0o755); // Postgres runs as another account when root runs the bench
  console.log(
    `${availableParallelism()} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  );
  const dovecot = await prepareMailbox(messages, mix);
  const store = await prepareStore(folder);
  const peers: Record<string, () => Promise<Figures>> = {
    'mbsync durable': () => mbsync(folder, dovecot, 'yes'),
    'mbsync, FSync off': () => mbsync(folder, dovecot, 'no'),
    'bare imapflow': () => bareFetch(dovecot),
  };
  const contenders = {
    steward: () => importOnce(store, dovecot, messages, values.verify),
    ...(!values.alone && peers),
  };
  const results = new Map<string, Figures[]>();
  for (let i = 0; i < runs; i += 1) {
    for (const [name, work] of Object.entries(contenders)) {
      await run('sync');
      await sleep(settleMs);
      const diskMs = diskSyncMs(folder);
      const figures = { ...(await work()), diskMs };
      results.set(name, [...(results.get(name) ?? []), figures]);
      const sync = `the disk takes ${diskMs.toFixed(2)} ms a file`;
      console.log(`run ${i + 1} ${name}: ${figures.seconds.toFixed(1)} s (${sync})`);
    }
  }
  await store.stop();
  await dovecot.stop();
  print(results, messages, mix);
  rmSync(folder, { recursive: true, force: true });
}

async function prepareMailbox(messages: number, mix: 'usual' | 'text') {
  const dovecot = await startDovecot({ capabilities: 'condstore' });
  generateMaildir({ maildir: dovecot.maildir, messages, folders: 12, seed: 1, mix });
  await bareFetch(dovecot); // the server's own indexes are made now, for everybody
  return dovecot;
}

/** A tenant of its own for every run, so that every run imports everything. */
async function importOnce(
  store: Store,
  dovecot: Dovecot,
  messages: number,
  verify: boolean,
): Promise<Figures> {
  const tenantId = uuidv7();
  const keyring = createKeyring({
    rootKeys: () => [store.rootKey],
    store: createWrappedKeyStore(store.keys),
    cacheMs: 60_000,
    cacheMax: 10,
  });
  await keyring.create(tenantId);
  await store.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Bench')`);
  const vault = await keyring.vault(tenantId);
  const { connectionId } = await createTestConnection(store.app, vault, {
    ...{ host: dovecot.host, port: dovecot.port, security: 'none' },
    ...{ username: dovecot.user, password: dovecot.password },
  });
  const { stdout } = await run(
    process.execPath,
    [
      ...workerMemory.nodeFlags,
      fileURLToPath(new URL('./import-run.ts', import.meta.url)),
      ...['--database', store.appUrl, '--keys', store.keysUrl],
      ...['--rootKey', store.rootKey.toString('hex')],
      ...['--tenant', tenantId, '--connection', connectionId],
    ],
    { env: { ...process.env, ...workerMemory.environment } },
  );
  const figures = JSON.parse(stdout) as Figures & { stored: number };
  if (figures.stored !== messages) throw new Error(`stored ${figures.stored} of ${messages}`);
  if (verify) await verifyEqual(store, dovecot, vault, connectionId);
  return figures;
}

async function verifyEqual(
  store: Store,
  dovecot: Dovecot,
  vault: TenantVault,
  connectionId: string,
): Promise<void> {
  const client = await dovecot.imap();
  const server = await readOracle(client);
  await client.logout();
  deepStrictEqual(await readStore(store.app, vault, connectionId), server);
  console.log(`server and store are equal in ${server.size} folders`);
}

function print(results: Map<string, Figures[]>, messages: number, mix: string): void {
  const steward = median(results.get('steward')!.map((figures) => figures.seconds));
  const rows = [...results].map(([name, figures]) => {
    const seconds = median(figures.map((figure) => figure.seconds));
    const cpu = figures.flatMap((figure) => figure.cpuMs ?? []);
    const rss = figures.flatMap((figure) => figure.rssMb ?? []);
    return {
      name,
      seconds: seconds.toFixed(1),
      'messages/s': Math.round(messages / seconds),
      'Steward is faster by': (seconds / steward).toFixed(2),
      'CPU ms/message': cpu.length === 0 ? '' : (median(cpu) / messages).toFixed(2),
      'disk ms/file': median(figures.map((figure) => figure.diskMs!)).toFixed(2),
      'resident MB': rss.length === 0 ? '' : Math.round(Math.max(...rss)),
    };
  });
  console.table(rows);
  mkdirSync('.steward/bench', { recursive: true });
  const file = `.steward/bench/import-${mix}.json`;
  writeFileSync(file, JSON.stringify({ messages, mix, cpu: cpus()[0]?.model, rows }, undefined, 2));
  console.log(`written to ${file}`);
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
