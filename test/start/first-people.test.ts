import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiServer, createApiServer } from '../../api/server.ts';
import { hasTenants, knowsKey } from '../../runtime/embedded/databases.ts';
import {
  type Credentials,
  ensureFirstPeople,
  type People,
} from '../../runtime/embedded/first-people.ts';
import { consoleUrl, welcome } from '../../runtime/embedded/instance.ts';
import { type Home, openHome } from '../../runtime/embedded/home.ts';
import { Problem } from '../../runtime/problem.ts';
import { insertOperator } from '../../db/queries/operators.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createAccessKey } from '../../runtime/access-key.ts';
import { createTestApi, type TestApi } from '../support/api.ts';

/** The keys in credentials.json are worth nothing unless the database knows them. */
const folder = mkdtempSync(path.join(tmpdir(), 'steward-people-'));
const home: Home = openHome(folder);
let api: TestApi;
let server: ApiServer;
let url = '';
afterAll(() => {
  home.unlock();
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  api = await createTestApi();
  server = createApiServer(api.deps, { host: '127.0.0.1', port: 0 });
  ({ url } = await server.start());
  return async () => {
    await server[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
  };
});

const people = (
  createOperator = () => Promise.resolve(api.operatorKey),
  { signal } = new AbortController(),
) =>
  ensureFirstPeople(url, home, {
    createOperator,
    hasTenants: () => hasTenants(api.database.ownerUrl),
    knowsKey: (name, key) => knowsKey(api.database.ownerUrl, name, key),
    signal,
  });
const kept = () => JSON.parse(readFileSync(home.credentialsFile, 'utf8')) as Credentials;

async function opens({ operatorKey, apiKey, memberId }: Credentials): Promise<number[]> {
  const admin = await api.call('GET', '/v1/admin/tenants', { key: operatorKey });
  const mail = await api.call('GET', '/v1/messages', { key: apiKey, member: memberId });
  return [admin.status, mail.status];
}

const stale: Credentials = {
  operatorKey: `op_${'a'.repeat(43)}`,
  apiKey: `stw_${'a'.repeat(43)}`,
  tenantId: 'ten_00000000000000000000000000',
  memberId: 'mbr_00000000000000000000000000',
};

test('keys of a database that was begun anew are forgotten, and people made for the new one', async () => {
  writeFileSync(home.credentialsFile, JSON.stringify(stale));
  const made = await people();
  expect(await opens(made)).toEqual([200, 200]);
  expect(kept()).toEqual(made);
  expect(await people()).toEqual(made);
});

test.each(['operatorKey', 'apiKey'] as const)(
  'a kept %s that does not open data which is there is named, and the file stays',
  async (name) => {
    rmSync(home.credentialsFile, { force: true });
    const changed = { ...(await people()), [name]: stale[name] };
    writeFileSync(home.credentialsFile, JSON.stringify(changed));
    const outcome = await people().catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Problem);
    expect((outcome as Problem).message).toContain(`The ${name} in ${home.credentialsFile}`);
    expect((outcome as Problem).remedy).toContain('move the file away');
    expect(kept()).toEqual(changed);
  },
);

describe('a service that ends for good meanwhile', () => {
  const problem = new Problem('KEY is wrong.', 'Restore it.');
  beforeEach(() => rmSync(home.credentialsFile, { force: true }));

  test('ends it in the words of that service, with the key that was made kept', async () => {
    const broken = new AbortController();
    const cut = people(() => {
      broken.abort(problem);
      return Promise.resolve(api.operatorKey);
    }, broken);
    await expect(cut).rejects.toBe(problem);
    expect(kept()).toEqual({ operatorKey: api.operatorKey });
    expect(await hasTenants(api.database.ownerUrl)).toBe(false);
    expect(await opens(await people())).toEqual([200, 200]);
  });

  test('is what is said, not what failed with it', async () => {
    const broken = new AbortController();
    const failed = people(() => {
      broken.abort(problem);
      return Promise.reject(new TypeError('fetch failed'));
    }, broken);
    await expect(failed).rejects.toBe(problem);
  });
});

describe('a kept key that was revoked, as after a rotation', () => {
  let before: People;
  beforeEach(async () => {
    rmSync(home.credentialsFile, { force: true });
    before = await people();
  });

  /** As OPERATIONS.md tells it: another one is made, then the old one ends. */
  async function rotateApiKey(): Promise<string> {
    const listed = await api.call('GET', '/v1/api-keys', { key: before.apiKey });
    const made = await api.call('POST', '/v1/api-keys', { key: before.apiKey, body: {} });
    const key = made.body['key'] as string;
    const door = `/v1/api-keys/${String(listed.body.data[0]?.['id'])}`;
    expect((await api.call('DELETE', door, { key })).status).toBe(204);
    return key;
  }

  async function rotateOperator(): Promise<string> {
    const { key, hash } = createAccessKey('op');
    const listed = await api.call('GET', '/v1/admin/operators', { key: before.operatorKey });
    await insertOperator(api.database.app.db, { id: uuidv7(), name: 'Next', keyHash: hash });
    const door = `/v1/admin/operators/${String(listed.body.data[0]?.['id'])}`;
    expect((await api.call('DELETE', door, { key })).status).toBe(204);
    return key;
  }

  test.each([
    ['operatorKey', rotateOperator],
    ['apiKey', rotateApiKey],
  ] as const)('%s: is named until the next one is put there', async (name, rotate) => {
    const next = await rotate();
    expect(await people()).toEqual({ ...before, revokedKeys: [name] });
    expect(kept()).toEqual(before);
    const changed = { ...before, [name]: next };
    writeFileSync(home.credentialsFile, JSON.stringify(changed));
    const now = await people();
    expect(now).toEqual(changed);
    expect(await opens(now)).toEqual([200, 200]);
  });

  test('is not in the welcome, which says so', async () => {
    await rotateApiKey();
    const now = await people();
    const text = welcome(
      {
        ...now,
        apiUrl: url,
        consoleUrl: consoleUrl(url, now),
        temporalUiUrl: undefined,
        temporalAddress: '',
        temporalNamespace: '',
        databaseUrl: '',
        keysDatabaseUrl: '',
        sampleMailbox: { host: '127.0.0.1', port: 1, username: 'sam', password: 'sample' },
        pids: {},
      },
      folder,
    );
    expect(text).not.toContain(before.apiKey);
    expect(text).toContain(`The apiKey in ${home.credentialsFile} was revoked`);
  });

  test('does not keep a start that was cut short from going on', async () => {
    await rotateOperator();
    await rotateApiKey();
    const { memberId: _, ...early } = before;
    writeFileSync(home.credentialsFile, JSON.stringify(early));
    const { key: operatorKey, hash } = createAccessKey('op');
    await insertOperator(api.database.app.db, { id: uuidv7(), name: 'Last', keyHash: hash });
    const now = await people(() => Promise.resolve(operatorKey));
    expect(await opens(now)).toEqual([200, 200]);
    expect(now.revokedKeys).toBeUndefined();
  });
});
