import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openDatabase, type Database } from '../../db/client.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { parsePublicId } from '../../domain/ids.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { findDifferences, type Difference } from './differences.ts';
import type { Dovecot } from './dovecot.ts';
import { readOracle } from './imap-oracle.ts';
import type { Started } from './started.ts';
import { readStore } from './store-oracle.ts';

/** What the API says of a connection's mail. */
export interface Progress {
  state: string;
  stored: number;
  backfillDone: boolean;
}

export interface InstanceAnswer {
  status: number;
  body: Record<string, unknown> & { data: Record<string, unknown>[] };
}

/** A running instance as its API and its databases show it. */
export interface InstanceClient {
  send(method: string, route: string, body?: unknown): Promise<InstanceAnswer>;
  /** Connects a server's mailbox; returns the connection's public id. */
  connect(dovecot: Dovecot): Promise<string>;
  progress(connection: string): Promise<Progress>;
  /** Of one of its processes now: the supervisor rewrites the file when it has started another. */
  pidOf(name: string): number;
  openStore(): Promise<InstanceStore>;
}

/** The store behind the API, read with the superuser's rights. */
export interface InstanceStore {
  database: Database;
  vault: TenantVault;
  /** What the store and a server disagree about, and how many messages the server holds. */
  compare(
    connection: string,
    dovecot: Dovecot,
  ): Promise<{ differences: Difference[]; messages: number }>;
  close(): Promise<void>;
}

export function createInstanceClient({ instance }: Started, home: string): InstanceClient {
  const { apiUrl, apiKey, memberId } = instance;
  const send: InstanceClient['send'] = async (method, route, body) => {
    const response = await fetch(`${apiUrl}${route}`, {
      method,
      headers: {
        ...{ Authorization: `Bearer ${apiKey}`, 'Steward-Member': memberId },
        'Content-Type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? { data: [] } : JSON.parse(text) };
  };
  const ask = async (method: string, route: string, body?: unknown) => {
    const answer = await send(method, route, body);
    if (answer.status >= 300) throw new Error(`${method} ${route} answered ${answer.status}`);
    return answer.body;
  };
  return {
    send,
    connect: async ({ host, port, user, password }) => {
      const imap = { host, port, security: 'none', username: user, password };
      const body = { provider: 'imap', memberId, capabilities: ['mail'], imap };
      return String((await ask('POST', '/v1/connections', body))['id']);
    },
    progress: async (connection) => {
      const body = await ask('GET', `/v1/connections/${connection}`);
      return (body['capabilities'] as { mail: Progress }).mail;
    },
    pidOf: (name) => {
      const file = readFileSync(path.join(home, 'instance.json'), 'utf8');
      return (JSON.parse(file) as { pids: Record<string, number> }).pids[name]!;
    },
    openStore: () => openStore(instance, readRootKey(home)),
  };
}

async function openStore(
  { databaseUrl, keysDatabaseUrl, tenantId }: Started['instance'],
  rootKey: Buffer,
): Promise<InstanceStore> {
  const pool = { poolMax: 2, applicationName: 'steward-test' };
  const database = openDatabase(databaseUrl, pool);
  const keys = openDatabase(keysDatabaseUrl, pool);
  const store = createWrappedKeyStore(keys);
  const keyring = createKeyring({
    rootKeys: () => [rootKey],
    store,
    cacheMs: 60_000,
    cacheMax: 10,
  });
  const vault = await keyring.vault(parsePublicId('tenant', tenantId)!);
  return {
    ...{ database, vault },
    compare: async (connection, dovecot) => {
      const stored = await readStore(database, vault, parsePublicId('connection', connection)!);
      const client = await dovecot.imap();
      const server = await readOracle(client);
      await client.logout();
      const messages = [...server.values()].reduce((sum, folder) => sum + folder.messages.size, 0);
      return { differences: findDifferences(stored, server), messages };
    },
    close: async () => {
      await Promise.all([database.close(), keys.close()]);
    },
  };
}

function readRootKey(home: string): Buffer {
  const text = readFileSync(path.join(home, 'root.key'), 'utf8').trim();
  return /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
}
