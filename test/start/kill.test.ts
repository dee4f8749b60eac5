import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../db/client.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { parsePublicId } from '../../domain/ids.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';
import { readOracle } from '../support/imap-oracle.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { createHomeFolder, start, type Started } from '../support/started.ts';
import { readStore } from '../support/store-oracle.ts';
import { waitFor } from '../support/wait-for.ts';

/** Enough that every kill finds the import in the middle of its work. */
const messages = 8_000;

const { home, remove } = createHomeFolder();
let dovecot: Dovecot;
let started: Started;

beforeAll(async () => {
  dovecot = await startDovecot({ capabilities: 'condstore' });
  generateMaildir({ maildir: dovecot.maildir, messages, folders: 12, seed: 3, mix: 'text' });
  started = await start(home);
}, 120_000);

afterAll(async () => {
  started.process.kill('SIGTERM');
  await started.ended;
  await dovecot.stop();
  remove();
});

test(
  'SIGKILL of worker, API, Postgres and Temporal in mid-import loses and doubles nothing',
  { timeout: 240_000 },
  async () => {
    const connection = await connect();
    for (const [i, name] of ['worker', 'api', 'postgres', 'temporal'].entries()) {
      // Each kill comes a fifth of the import later, and only while the import still runs.
      await waitForStored(connection, (messages / 5) * i + 1);
      expect((await progress(connection)).backfillDone).toBe(false);
      process.kill(pidOf(name), 'SIGKILL');
    }
    await waitFor(async () => (await progress(connection)).state === 'live', {
      what: 'the end of the import',
      timeoutMs: 150_000,
    });
    await expectEqual(connection);
  },
);

test(
  "the import completes although Temporal's store is deleted in the middle of it",
  { timeout: 240_000 },
  async () => {
    const { data } = (await ask('/v1/connections')) as { data: { id: string }[] };
    const connection = data[0]!.id;
    await ask(`/v1/connections/${connection}/resync`, { method: 'POST', body: '{}' });
    await waitFor(async () => (await progress(connection)).state === 'backfilling', {
      what: 'the import to begin again',
    });
    for (const suffix of ['', '-shm', '-wal']) {
      rmSync(path.join(home, `temporal.sqlite${suffix}`), { force: true });
    }
    process.kill(pidOf('temporal'), 'SIGKILL');
    // What should run follows from Postgres alone: the minute's look starts it again.
    await waitFor(async () => (await progress(connection)).state === 'live', {
      what: 'the end of the import',
      timeoutMs: 200_000,
    });
    expect((await progress(connection)).backfillDone).toBe(true);
    await expectEqual(connection);
  },
);

async function connect(): Promise<string> {
  const { memberId } = started.instance;
  const imap = {
    ...{ host: dovecot.host, port: dovecot.port, security: 'none' },
    ...{ username: dovecot.user, password: dovecot.password },
  };
  const body = { provider: 'imap', memberId, capabilities: ['mail'], imap };
  const answer = await ask('/v1/connections', { method: 'POST', body: JSON.stringify(body) });
  return (answer as { id: string }).id;
}

async function waitForStored(connection: string, stored: number): Promise<void> {
  await waitFor(async () => (await progress(connection)).stored >= stored, {
    what: `${stored} stored messages`,
    timeoutMs: 90_000,
  });
}

interface Progress {
  state: string;
  stored: number;
  backfillDone: boolean;
}

async function progress(connection: string): Promise<Progress> {
  const answer = await ask(`/v1/connections/${connection}`);
  return (answer as { capabilities: { mail: Progress } }).capabilities.mail;
}

async function ask(route: string, init: RequestInit = {}): Promise<unknown> {
  const { apiUrl, apiKey, memberId } = started.instance;
  const response = await fetch(`${apiUrl}${route}`, {
    ...init,
    headers: {
      Authorization: `Bearer ${apiKey}`,
      'Steward-Member': memberId,
      'Content-Type': 'application/json',
    },
  });
  if (!response.ok) throw new Error(`${route} answered ${response.status}`);
  return await response.json();
}

/** The supervisor rewrites the file when it has started a service again. */
function pidOf(name: string): number {
  const file = readFileSync(path.join(home, 'instance.json'), 'utf8');
  return (JSON.parse(file) as { pids: Record<string, number> }).pids[name]!;
}

async function expectEqual(connection: string): Promise<void> {
  const { databaseUrl, keysDatabaseUrl, tenantId } = started.instance;
  const pool = { poolMax: 2, applicationName: 'steward-test' };
  const databases = [openDatabase(databaseUrl, pool), openDatabase(keysDatabaseUrl, pool)];
  const [database, keys] = databases as [Database, Database];
  const keyring = createKeyring({
    rootKeys: () => [readRootKey()],
    store: createWrappedKeyStore(keys),
    ...{ cacheMs: 60_000, cacheMax: 10 },
  });
  const vault = await keyring.vault(parsePublicId('tenant', tenantId)!);
  const store = await readStore(database, vault, parsePublicId('connection', connection)!);
  const client = await dovecot.imap();
  const server = await readOracle(client);
  await client.logout();
  expect(store).toEqual(server);
  const [row] = await database.sql`select count(*)::int as count from messages`;
  expect(row).toEqual({ count: messages });
  await Promise.all(databases.map((each) => each.close()));
}

function readRootKey(): Buffer {
  const text = readFileSync(path.join(home, 'root.key'), 'utf8').trim();
  return /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
}
