import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FoundLicence } from '../../db/fence.ts';
import { withTenant, withTransition } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { Keyring, TenantVault } from '../../domain/seal.ts';
import { ensureMailboxSync, pokeMailboxSync, workflowIds } from '../../workflows/contract.ts';
import { ensureWorkflows } from '../../worker/ensure-workflows.ts';
import { createTestConnection } from '../support/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';
import { createTestKeyring } from '../support/keys.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { readOracle } from '../support/imap-oracle.ts';
import { readStore } from '../support/store-oracle.ts';
import { waitFor } from '../support/wait-for.ts';
import { startTestWorker, type TestWorker } from '../support/worker.ts';

const messages = 1_500;

let base: TestDatabase;
let keyring: Keyring;
let vault: TenantVault;
let dovecot: Dovecot;
let worker: TestWorker;
let licence: FoundLicence;

beforeAll(async () => {
  base = await createTestDatabase();
  keyring = createTestKeyring(base.keys);
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  vault = await keyring.vault(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  dovecot = await startDovecot({ capabilities: 'condstore' });
  await generateMaildir({ maildir: dovecot.maildir, messages, folders: 6, seed: 7, mix: 'text' });
  worker = await startTestWorker(base.app, keyring);
  licence = await createTestConnection(base.app, vault, account());
}, 120_000);

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await dovecot.stop();
  await base.drop();
});

describe('mailbox sync against a real server', () => {
  it('imports a mailbox completely: UIDs, flags and bodies equal', async () => {
    await ensureWorkflows({ ...worker, database: base.app, connection: worker.operator });
    await waitForState('live');
    expect(await differences()).toEqual([]);
  });

  it('stores new mail, flags, moves and expunges', async () => {
    const client = await dovecot.imap();
    await client.append('INBOX', 'Subject: fresh\r\nMessage-ID: <fresh@x>\r\n\r\nhello\r\n', []);
    const lock = await client.getMailboxLock('INBOX');
    await client.messageFlagsAdd('1:3', ['\\Flagged']);
    await client.messageDelete('4:6');
    lock.release();
    await client.logout();
    await poke();
    await waitFor(async () => (await differences()).length === 0, { what: 'equality' });
    expect(await differences()).toEqual([]);
  });

  it('stops when paused and goes on when resumed', async () => {
    await want('paused');
    await waitForState('paused');
    const client = await dovecot.imap();
    await client.append('INBOX', 'Subject: later\r\nMessage-ID: <later@x>\r\n\r\nhello\r\n', []);
    await client.logout();
    await poke();
    await waitForState('paused');
    expect((await differences()).length).toBeGreaterThan(0);
    await want('run');
    await waitForState('live');
    await waitFor(async () => (await differences()).length === 0, { what: 'equality' });
  });

  it('brings the work back when Temporal has lost it', async () => {
    const handle = worker.client.workflow.getHandle(workflowIds.mailboxSync(licence.connectionId));
    await handle.terminate('a test loses it');
    const started = await waitFor(() =>
      ensureWorkflows({ ...worker, database: base.app, connection: worker.operator }),
    );
    expect(started).toBeGreaterThan(0);
    await waitFor(async () => (await handle.describe()).status.name === 'RUNNING');
  });

  it('erases the mail of a disconnected connection and ends its workflow', async () => {
    await withTransition(base.app, licence.tenantId, async (tx) => {
      await tx.execute(sql`
        update directory.connections set wanted = 'disconnected', generation = generation + 1
        where id = ${licence.connectionId}`);
      await tx.execute(sql`
        update connections set credentials = null, disconnected_at = now(), erase_after = now()
        where id = ${licence.connectionId}`);
    });
    await poke();
    const handle = worker.client.workflow.getHandle(workflowIds.mailboxSync(licence.connectionId));
    await handle.result();
    const left = await read(sql`select count(*)::int as count from messages`);
    expect(left[0]).toEqual({ count: 0 });
  });
});

function account() {
  return {
    host: dovecot.host,
    port: dovecot.port,
    security: 'none' as const,
    username: dovecot.user,
    password: dovecot.password,
  };
}

async function poke(): Promise<void> {
  await pokeMailboxSync(worker.client, licence.connectionId);
}

async function want(wanted: 'run' | 'paused'): Promise<void> {
  await base.app.db.execute(sql`
    update directory.connections set wanted = ${wanted} where id = ${licence.connectionId}`);
  await ensureMailboxSync(worker.client, { ...licence, provider: 'imap' });
}

async function waitForState(state: string): Promise<void> {
  await waitFor(
    async () => {
      const [row] = await read(sql`select state from sync_status`);
      return row?.['state'] === state;
    },
    { what: `the state ${state}`, timeoutMs: 45_000 },
  );
}

/** Folder by folder, UID by UID: what server and store disagree about. */
async function differences(): Promise<string[]> {
  const client = await dovecot.imap();
  const server = await readOracle(client);
  await client.logout();
  const store = await readStore(base.app, vault, licence.connectionId);
  const found: string[] = [];
  for (const [path, folder] of server) {
    const mine = store.get(path)?.messages ?? new Map();
    for (const [uid, item] of folder.messages) {
      if (JSON.stringify(mine.get(uid)) !== JSON.stringify(item)) found.push(`${path} ${uid}`);
    }
    for (const uid of mine.keys()) if (!folder.messages.has(uid)) found.push(`${path} +${uid}`);
  }
  return found;
}

async function read(query: ReturnType<typeof sql>) {
  return await withTenant(base.app, licence.tenantId, (tx) => tx.execute(query));
}
