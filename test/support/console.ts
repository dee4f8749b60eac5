import { sql, type SQL } from 'drizzle-orm';
import { createApiServer, type ApiServer } from '../../api/server.ts';
import type { AccountVerifier, ApiDeps } from '../../api/deps.ts';
import { withFence } from '../../db/fence.ts';
import { parsePublicId, toPublicId } from '../../domain/ids.ts';
import type { ImapAccount } from '../../domain/provider.ts';
import { createTestApi, type TestApi, type TestTenant } from './api.ts';
import { createTestConnection } from './connection.ts';

/** A console in front of a real API on a real socket, over a database of its own. */
export interface TestConsole extends AsyncDisposable {
  api: TestApi;
  tenant: TestTenant;
  member: string;
  /** Where the API listens, without the key. */
  url: string;
  /** The link that `npm start` prints. */
  link: string;
  /** The socket goes away, and comes back at the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** A connection that nothing syncs. */
  connection(username: string): Promise<Seeded>;
}

export interface Seeded {
  /** As the API shows it. */
  id: string;
  /** What the row helpers take. */
  store: { database: ApiDeps['database']; vault: TestTenant['vault']; connectionId: string };
  /** Writes into `sync_status`, as the worker would. */
  status(assignments: SQL): Promise<void>;
  /** Writes what a slice writes, under the connection's licence. */
  write(query: SQL): Promise<void>;
}

export const sampleMailbox = {
  host: '127.0.0.1',
  port: 1_143,
  username: 'sam@sample.example',
  password: 'sample',
};

export async function createTestConsole(imap: AccountVerifier): Promise<TestConsole> {
  // Nothing syncs in these tests: what a worker would write, the test writes.
  const workflows = { ensure: () => Promise.resolve(), check: () => Promise.resolve() };
  const api = await createTestApi({ imap, workflows });
  const deps: ApiDeps = {
    ...api.deps,
    options: { ...api.deps.options, sandbox: { sample: sampleMailbox } },
  };
  const tenant = await api.tenant('Example');
  const member = await tenant.member('Jane');
  const listen = async (port: number) => {
    const created = createApiServer(deps, { host: '127.0.0.1', port });
    return { server: created, url: (await created.start()).url };
  };
  let running: { server: ApiServer; url: string } | undefined = await listen(0);
  const { url } = running;
  const stop = async () => {
    await running?.server[Symbol.asyncDispose]();
    running = undefined;
  };
  return {
    ...{ api, tenant, member, url, stop },
    link: `${url}/#key=${tenant.key}&member=${member}`,
    start: async () => {
      running = await listen(Number(new URL(url).port));
    },
    connection: (username) => seedConnection(api, tenant, member, username),
    [Symbol.asyncDispose]: async () => {
      await stop();
      await api[Symbol.asyncDispose]();
    },
  };
}

async function seedConnection(
  api: TestApi,
  { vault, uuid: tenantId }: TestTenant,
  member: string,
  username: string,
): Promise<Seeded> {
  const database = api.deps.database;
  const memberId = parsePublicId('member', member)!;
  const imap: ImapAccount = { host: 'imap.example', port: 993, security: 'tls', username };
  const licence = await createTestConnection(database, vault, imap, { memberId });
  const { connectionId } = licence;
  const write = (query: SQL) =>
    withFence(database, licence, async (tx) => {
      await tx.execute(query);
    });
  return {
    id: toPublicId('connection', connectionId),
    store: { database, vault, connectionId },
    write,
    status: (assignments) =>
      write(sql`update sync_status set ${assignments}
        where tenant_id = ${tenantId} and connection_id = ${connectionId}`),
  };
}
