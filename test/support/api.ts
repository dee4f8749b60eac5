import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { createApi } from '../../api/app.ts';
import type { AccountVerifier, ApiDeps, WorkflowControl } from '../../api/deps.ts';
import { rateLimitsDefault } from '../../api/deps.ts';
import { createWorkflowControl } from '../../api/workflow-control.ts';
import type { Database } from '../../db/client.ts';
import { insertOperator } from '../../db/queries/operators.ts';
import { parsePublicId, uuidv7 } from '../../domain/ids.ts';
import type { Keyring, TenantVault } from '../../domain/seal.ts';
import { createAccessKey } from '../../runtime/access-key.ts';
import { createLogger } from '../../runtime/logger.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestKeyring } from './keys.ts';

/** An API over a database of its own, with a real keyring, Temporal client and IMAP adapter. */
export interface TestApi extends AsyncDisposable {
  app: ReturnType<typeof createApi>;
  deps: ApiDeps;
  database: TestDatabase;
  operatorKey: string;
  /** Every line that the process logged. */
  logLines: string[];
  tenant(name: string): Promise<TestTenant>;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

export interface TestTenant {
  /** As the API shows it. */
  id: string;
  uuid: string;
  vault: TenantVault;
  key: string;
  /** Adds a member and returns the public id. */
  member(name: string): Promise<string>;
}

export interface CallOptions {
  key?: string | undefined;
  member?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  // Tests look into answers of every shape.
  body: Record<string, unknown> & { data: Record<string, unknown>[] };
}

export interface TestApiOptions {
  limits?: Partial<ApiDeps['options']['limits']>;
  imap?: AccountVerifier;
  workflows?: WorkflowControl;
  keyring?: ((keys: Database) => Keyring) | undefined;
}

/** For tests that connect nothing; those that do bring the real adapter. */
const noAccounts: AccountVerifier = {
  verify: () => Promise.reject(new Error('This test connects no account.')),
};

export async function createTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const database = await createTestDatabase();
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const logLines: string[] = [];
  const deps: ApiDeps = {
    database: database.app,
    keyring: (options.keyring ?? createTestKeyring)(database.keys),
    imap: options.imap ?? noAccounts,
    workflows: options.workflows ?? createWorkflowControl(new Client({ connection })),
    log: createLogger({
      name: 'api',
      level: 'trace',
      destination: { write: (line: string) => void logLines.push(line) },
    }),
    options: {
      temporalUiUrl: 'http://temporal.example',
      temporalNamespace: 'default',
      limits: { ...rateLimitsDefault, ...options.limits },
    },
  };
  const app = createApi(deps);
  const { key: operatorKey, hash } = createAccessKey('op');
  await insertOperator(database.app.db, { id: uuidv7(), name: 'Test', keyHash: hash });

  const call: TestApi['call'] = async (method, path, { key, member, body, headers } = {}) => {
    const response = await app.request(path, {
      method,
      headers: {
        ...(key && { Authorization: `Bearer ${key}` }),
        ...(member && { 'Steward-Member': member }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('Content-Type')?.includes('json') === true;
    const answer = isJson ? (JSON.parse(text) as Answer['body']) : { text, data: [] };
    return { status: response.status, headers: response.headers, body: answer };
  };

  const tenant = async (name: string): Promise<TestTenant> => {
    const created = await call('POST', '/v1/admin/tenants', { key: operatorKey, body: { name } });
    const { id, apiKey } = created.body as unknown as { id: string; apiKey: { key: string } };
    const member = async (memberName: string) => {
      const email = `${memberName.toLowerCase()}@members.example`;
      const body = { name: memberName, email };
      const added = await call('POST', '/v1/members', { key: apiKey.key, body });
      return added.body['id'] as string;
    };
    const uuid = parsePublicId('tenant', id)!;
    return { id, uuid, vault: await deps.keyring.vault(uuid), key: apiKey.key, member };
  };

  return {
    app,
    deps,
    database,
    operatorKey,
    logLines,
    tenant,
    call,
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await database.drop();
    },
  };
}
