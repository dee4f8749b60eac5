import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '../problem.ts';
import { logTail } from '../supervise/process.ts';
import { type Home, readJson, writePrivate } from './home.ts';

/** The first operator, tenant and member of an instance, with their keys. */
export interface Credentials {
  operatorKey: string;
  tenantId: string;
  apiKey: string;
  memberId: string;
}

export type KeyName = 'operatorKey' | 'apiKey';

/** What is kept of them, and which of the keys open nothing any more; absent when all do. */
export interface People extends Credentials {
  revokedKeys?: readonly KeyName[];
}

const readyTimeoutMs = 60_000;
const readyPollMs = 100;
const requestTimeoutMs = 15_000;
const unauthorized = 401;
const restoreOrMoveAway =
  'Restore the whole folder from a backup: its parts must come from the same moment. Or move the ' +
  'file away: a new operator, tenant and member are made beside the data that is there.';

/** Waits until the API says that it and what it stands on are ready. */
export async function waitForApi(apiUrl: string, home: Home, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  while (!(await isReady(apiUrl))) {
    signal.throwIfAborted();
    if (Date.now() > deadline) {
      const log = path.join(home.stateDir, 'api.log');
      throw new Problem(
        `The API is not ready after ${readyTimeoutMs / 1000} s. Its last words:\n${logTail(log)}`,
        `Read ${log} and ${path.join(home.stateDir, 'worker.log')}.`,
      );
    }
    await delay(readyPollMs);
  }
}

/** What only the rest of the instance knows, or can do. */
interface Installation {
  /** Through the operators' own command; returns the key. */
  createOperator(): Promise<string>;
  /** Whether the database holds anybody's data. */
  hasTenants(): Promise<boolean>;
  /** Whether the database has the hash of this key, revoked or not. */
  knowsKey(name: KeyName, key: string): Promise<boolean>;
  /** Ends it between two of its steps: one that makes a key goes on until the key is kept. */
  signal: AbortSignal;
}

/**
 * Makes the first people through the product's own doors: the operator by `createOperator`, the
 * others through the API. Every key is kept as soon as it exists, as it is shown only once; a
 * start that was cut short goes on with what it has. Keys of a database that was begun anew since
 * are forgotten; those that a person revoked stay in the file, and are named.
 * @throws Problem when the keys that were kept do not open the data that is there; the signal's
 * reason, which tells more than a request that failed with it.
 */
export async function ensureFirstPeople(
  apiUrl: string,
  home: Home,
  installation: Installation,
): Promise<People> {
  try {
    return await makePeople(apiUrl, home, installation);
  } catch (error) {
    installation.signal.throwIfAborted();
    throw error;
  }
}

async function makePeople(apiUrl: string, home: Home, installation: Installation): Promise<People> {
  const { known, revoked } = await readKept(apiUrl, home, installation);
  installation.signal.throwIfAborted();
  const keep = (more: Partial<Credentials>) => {
    Object.assign(known, more);
    writePrivate(home.credentialsFile, JSON.stringify(known, undefined, 2));
    installation.signal.throwIfAborted();
  };
  if (!known.operatorKey) keep({ operatorKey: await installation.createOperator() });
  if (!known.apiKey || !known.tenantId) {
    const made = await post(`${apiUrl}/v1/admin/tenants`, known.operatorKey, {
      name: 'Sample company',
    });
    const { key } = made['apiKey'] as { key: string };
    keep({ tenantId: text(made, 'id'), apiKey: key });
  }
  if (!known.memberId) {
    const member = { name: 'Sam Sample', email: 'sam@sample.example', role: 'owner' };
    keep({ memberId: text(await post(`${apiUrl}/v1/members`, known.apiKey, member), 'id') });
  }
  return { ...(known as Credentials), ...(revoked.length > 0 && { revokedKeys: revoked }) };
}

/** What is kept of the people of this database, and which of their keys were revoked. */
async function readKept(
  apiUrl: string,
  home: Home,
  { hasTenants, knowsKey }: Installation,
): Promise<{ known: Partial<Credentials>; revoked: KeyName[] }> {
  const known = readJson<Partial<Credentials>>(home.credentialsFile, restoreOrMoveAway) ?? {};
  const revoked: KeyName[] = [];
  for (const [name, key] of await refusedKeys(apiUrl, known)) {
    if (await knowsKey(name, key)) revoked.push(name);
    else if (await hasTenants()) throw otherData(home, name);
    else return { known: {}, revoked: [] };
  }
  const { operatorKey, apiKey, tenantId, memberId } = known;
  if (operatorKey && apiKey && tenantId && memberId) return { known, revoked };
  // A start that was cut short cannot go on with them.
  for (const name of revoked) delete known[name];
  return { known, revoked: [] };
}

/** Those of the keys that this API does not let in. */
async function refusedKeys(
  apiUrl: string,
  { operatorKey, apiKey }: Partial<Credentials>,
): Promise<[KeyName, string][]> {
  const doors = [
    ['operatorKey', operatorKey, '/v1/admin/tenants?limit=1'],
    ['apiKey', apiKey, '/v1/members?limit=1'],
  ] as const;
  const refused: [KeyName, string][] = [];
  for (const [name, key, door] of doors) {
    if (!key) continue;
    const headers = { authorization: `Bearer ${key}` };
    const signal = AbortSignal.timeout(requestTimeoutMs);
    const { status } = await fetch(`${apiUrl}${door}`, { headers, signal });
    if (status === unauthorized) refused.push([name, key]);
  }
  return refused;
}

function otherData({ credentialsFile, postgresDir }: Home, name: KeyName): Problem {
  return new Problem(
    `The ${name} in ${credentialsFile} does not open the data in ${postgresDir}.`,
    restoreOrMoveAway,
  );
}

async function isReady(apiUrl: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(requestTimeoutMs);
    return (await fetch(`${apiUrl}/health/ready`, { signal })).ok;
  } catch {
    return false;
  }
}

async function post(
  url: string,
  key: string | undefined,
  body: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key ?? ''}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(requestTimeoutMs),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  if (response.ok) return answer;
  throw new Problem(
    `The API refused to make the first tenant and member: ${String(answer['detail'])}`,
    'Read api.log in the folder `run`, then start again.',
  );
}

function text(answer: Record<string, unknown>, field: string): string {
  const value = answer[field];
  if (typeof value === 'string') return value;
  throw new Error(`the API's answer has no ${field}`);
}
