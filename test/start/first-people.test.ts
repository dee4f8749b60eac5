import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type ApiServer, createApiServer } from '../../api/server.ts';
import { hasTenants } from '../../runtime/embedded/databases.ts';
import { type Credentials, ensureFirstPeople } from '../../runtime/embedded/first-people.ts';
import { type Home, openHome } from '../../runtime/embedded/home.ts';
import { Problem } from '../../runtime/problem.ts';
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

const people = () =>
  ensureFirstPeople(url, home, {
    createOperator: () => Promise.resolve(api.operatorKey),
    hasTenants: () => hasTenants(api.database.ownerUrl),
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
