import { parsePublicId } from '../../domain/ids.ts';
import type { Database } from '../../db/client.ts';
import type { ConnectionView } from '../../api/schemas/connections.ts';
import { createWorkflowControl } from '../../api/workflow-control.ts';
import type { Keyring } from '../../domain/seal.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { createTestApi, type Answer, type TestApi, type TestTenant } from './api.ts';
import { findDifferences, type Difference } from './differences.ts';
import { startDovecot, type Dovecot, type DovecotOptions } from './dovecot.ts';
import { readOracle } from './imap-oracle.ts';
import { generateMaildir, type MaildirOptions } from './mailbox-generator.ts';
import { readStore } from './store-oracle.ts';
import { waitFor } from './wait-for.ts';
import { startTestWorker, type TestWorker } from './worker.ts';

export interface OperatedMailboxOptions {
  dovecot?: DovecotOptions;
  generate?: Omit<MaildirOptions, 'maildir'>;
  /** Runs before the account is connected. */
  prepare?: (dovecot: Dovecot) => void | Promise<void>;
  /** Members of `POST /v1/connections` besides the account. */
  connect?: object;
  /** Another keyring over the test's keys database. */
  keyring?: (keys: Database) => Keyring;
}

/** A real server, an API and a worker over one database, with one mailbox connected by HTTP. */
export interface OperatedMailbox extends AsyncDisposable {
  api: TestApi;
  worker: TestWorker;
  dovecot: Dovecot;
  tenant: TestTenant;
  /** The member whose mailbox it is. */
  member: string;
  /** The connection's public id and its UUID. */
  id: string;
  uuid: string;
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** The same, in the name of the member whose mailbox it is. */
  asOwner(method: string, path: string, body?: unknown): Promise<Answer>;
  connect(): Promise<Answer>;
  view(): Promise<ConnectionView>;
  /** Asks for a look at everything. */
  poke(): Promise<void>;
  waitForState(state: string): Promise<void>;
  /** Folder by folder, UID by UID: what server and store disagree about. */
  differences(): Promise<Difference[]>;
  workflow(): ReturnType<TestWorker['client']['workflow']['getHandle']>;
}

export async function startOperatedMailbox(
  options: OperatedMailboxOptions,
): Promise<OperatedMailbox> {
  const dovecot = await startDovecot(options.dovecot);
  if (options.generate) generateMaildir({ maildir: dovecot.maildir, ...options.generate });
  await options.prepare?.(dovecot);
  const guard = { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true };
  const imap = createImapProvider(guard, { failureLatencyMs: 50 });
  const api = await createTestApi({ imap, keyring: options.keyring });
  const worker = await startTestWorker(api.database.app, api.deps.keyring);
  // The API talks to the namespace that the worker polls.
  api.deps.workflows = createWorkflowControl(worker.client);
  const tenant = await api.tenant('Operated');
  const member = await tenant.member('Jane');
  const call: OperatedMailbox['call'] = async (method, path, body) =>
    await api.call(method, path, { key: tenant.key, ...(body !== undefined && { body }) });
  const asOwner: OperatedMailbox['asOwner'] = async (method, path, body) =>
    await api.call(method, path, { key: tenant.key, member, ...(body !== undefined && { body }) });
  const connect = async () =>
    await call('POST', '/v1/connections', {
      ...{ provider: 'imap', memberId: member, capabilities: ['mail'] },
      imap: {
        ...{ host: dovecot.host, port: dovecot.port, security: 'none' },
        ...{ username: dovecot.user, password: dovecot.password },
      },
      ...options.connect,
    });
  const connected = await connect();
  if (connected.status !== 201) throw new Error(JSON.stringify(connected.body));
  const id = connected.body['id'] as string;
  const uuid = parsePublicId('connection', id)!;
  const view = async () =>
    (await call('GET', `/v1/connections/${id}`)).body as unknown as ConnectionView;
  const poke = async (): Promise<void> => {
    const { status } = await call('POST', `/v1/connections/${id}/sync`);
    if (status !== 202) throw new Error(`the look was answered ${status}`);
  };
  return {
    ...{ api, worker, dovecot, tenant, member, id, uuid, call, asOwner, connect, view, poke },
    waitForState: async (state) => {
      await waitFor(async () => (await view()).state === state, {
        what: `the state ${state}`,
        timeoutMs: 60_000,
      });
    },
    differences: () => compare(api, tenant, dovecot, uuid),
    workflow: () => worker.client.workflow.getHandle(workflowIds.mailboxSync(uuid)),
    [Symbol.asyncDispose]: async () => {
      await worker[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
      await dovecot.stop();
    },
  };
}

async function compare(
  api: TestApi,
  tenant: TestTenant,
  dovecot: Dovecot,
  connectionId: string,
): Promise<Difference[]> {
  const client = await dovecot.imap();
  const server = await readOracle(client);
  await client.logout();
  const store = await readStore(api.database.app, tenant.vault, connectionId);
  return findDifferences(store, server);
}
