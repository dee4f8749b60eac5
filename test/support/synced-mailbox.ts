import type { Writable } from 'node:stream';
import { sql } from 'drizzle-orm';
import type { ImapFlow } from 'imapflow';
import type { FoundLicence } from '../../db/fence.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { ensureWorkflows } from '../../worker/ensure-workflows.ts';
import { ensureMailboxSync } from '../../workflows/contract.ts';
import { createTestConnection } from './connection.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { findDifferences, type Difference } from './differences.ts';
import { startDovecot, type CapabilityLevel, type Dovecot } from './dovecot.ts';
import { readOracle } from './imap-oracle.ts';
import { createTestKeyring } from './keys.ts';
import { generateMaildir, type MaildirOptions } from './mailbox-generator.ts';
import { readStore } from './store-oracle.ts';
import { waitFor } from './wait-for.ts';
import { startTestWorker, type TestWorker } from './worker.ts';

export interface SyncedMailboxOptions {
  capabilities: CapabilityLevel;
  password?: string;
  generate?: Omit<MaildirOptions, 'maildir'>;
  /** Runs on the server before Steward sees it. */
  prepare?: (client: ImapFlow) => Promise<void>;
  /** Where the worker logs. */
  log?: Writable;
}

/** A real server, a database of its own and a running worker, with one mailbox between them. */
export interface SyncedMailbox {
  base: TestDatabase;
  vault: TenantVault;
  dovecot: Dovecot;
  worker: TestWorker;
  licence: FoundLicence;
  poke(): Promise<void>;
  waitForState(state: string): Promise<void>;
  /** Ends the worker and starts another version of it, with today's workflow code unless given. */
  redeploy(code?: string): Promise<void>;
  /** Starts what should run and does not; returns how many workflows that were. */
  ensure(): Promise<number>;
  /** Folder by folder, UID by UID: what server and store disagree about. */
  differences(): Promise<Difference[]>;
  stop(): Promise<void>;
}

export async function startSyncedMailbox(options: SyncedMailboxOptions): Promise<SyncedMailbox> {
  const base = await createTestDatabase();
  const keyring = createTestKeyring(base.keys);
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  const vault = await keyring.vault(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  const { capabilities, password } = options;
  const dovecot = await startDovecot({ capabilities, ...(password && { password }) });
  if (options.generate) generateMaildir({ maildir: dovecot.maildir, ...options.generate });
  if (options.prepare) await withClient(dovecot, options.prepare);
  let worker = await startTestWorker(base.app, keyring, options.log);
  const licence = await createTestConnection(base.app, vault, {
    ...{ host: dovecot.host, port: dovecot.port, security: 'none' },
    ...{ username: dovecot.user, password: dovecot.password },
  });
  const ensure = () =>
    ensureWorkflows({ ...worker, database: base.app, connection: worker.operator });
  await ensure();
  return {
    ...{ base, vault, dovecot, licence, ensure },
    get worker() {
      return worker;
    },
    redeploy: async (code) => {
      const { namespace } = worker;
      await worker[Symbol.asyncDispose]();
      const deployment = { namespace, ...(code !== undefined && { code }) };
      worker = await startTestWorker(base.app, keyring, options.log, deployment);
    },
    poke: () => ensureMailboxSync(worker.client, { ...licence, provider: 'imap' }),
    waitForState: async (state) => {
      await waitFor(
        async () => {
          const [row] = await withTenant(base.app, tenantId, (tx) =>
            tx.execute<{ state: string }>(sql`select state from sync_status`),
          );
          return row?.state === state;
        },
        { what: `the state ${state}`, timeoutMs: 45_000 },
      );
    },
    differences: () => compare(base, vault, dovecot, licence),
    stop: async () => {
      await worker[Symbol.asyncDispose]();
      await dovecot.stop();
      await base.drop();
    },
  };
}

/** Another client of the mailbox. */
export async function withClient(
  dovecot: Dovecot,
  work: (client: ImapFlow) => Promise<void>,
): Promise<void> {
  const client = await dovecot.imap();
  await work(client);
  await client.logout();
}

async function compare(
  base: TestDatabase,
  vault: TenantVault,
  dovecot: Dovecot,
  { connectionId }: FoundLicence,
): Promise<Difference[]> {
  const client = await dovecot.imap();
  const server = await readOracle(client);
  await client.logout();
  const store = await readStore(base.app, vault, connectionId);
  return findDifferences(store, server);
}
