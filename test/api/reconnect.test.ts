import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePublicId } from '../../domain/ids.ts';
import { createTestApi, type TestApi, type TestTenant } from '../support/api.ts';

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await createTestApi({
    limits: { connects: { burst: 1_000, perSecond: 1 } },
    imap: { verify: () => Promise.resolve() },
    workflows: { ensure: () => Promise.resolve(), check: () => Promise.resolve() },
  });
  tenant = await api.tenant('Reconnects');
});
afterAll(() => api[Symbol.asyncDispose]());

const call = async (method: string, path: string, body?: unknown, member?: string) =>
  await api.call(method, path, { key: tenant.key, member, ...(body !== undefined && { body }) });

const connect = async (memberId: string, username: string, more: object = {}) => {
  const imap = {
    ...{ host: 'imap.example.org', port: 993, security: 'tls' },
    ...{ username, password: 'secret' },
  };
  const body = { provider: 'imap', memberId, capabilities: ['mail'], imap, ...more };
  return await call('POST', '/v1/connections', body, memberId);
};

const disconnect = async (id: unknown, data = '') =>
  expect((await call('DELETE', `/v1/connections/${String(id)}${data}`)).status).toBe(202);

const rowsOf = async (memberId: string) =>
  await api.database.owner.sql<{ id: string }[]>`
  select id from connections where member_id = ${parsePublicId('member', memberId)!} order by id`;

describe('the account of a member who left', () => {
  it.each([
    { before: 'connected', end: async () => undefined },
    { before: 'disconnected', end: async (id: unknown) => await disconnect(id) },
    { before: 'kept', end: async (id: unknown) => await disconnect(id, '?data=keep') },
    { before: 'erased', end: async (id: unknown) => await disconnect(id, '?data=erase') },
  ])('$before before, is connected by others as a row of its own', async ({ before, end }) => {
    const username = `${before}@corp.example`;
    const jane = await tenant.member(`Jane-${before}`);
    const old = await connect(jane, username);
    await end(old.body['id']);
    expect((await call('DELETE', `/v1/members/${jane}`)).status).toBe(202);

    const again = await tenant.member(`Jane-${before}`);
    const made = await connect(again, username);
    expect(made).toMatchObject({ status: 201, body: { address: username, memberId: again } });
    expect(made.body['id']).not.toBe(old.body['id']);
    expect(await rowsOf(jane)).toEqual([
      { id: parsePublicId('connection', String(old.body['id'])) },
    ]);
    const change = { excludedFolders: [] };
    const late = await call('PATCH', `/v1/connections/${String(old.body['id'])}`, change);
    expect(late.body['code']).toBe('connection-disconnected');

    // It is taken as every account is, and a successor may come again.
    const successor = await tenant.member(`Successor-${before}`);
    expect((await connect(successor, username)).body['code']).toBe('duplicate-connection');
    expect((await call('DELETE', `/v1/members/${again}`)).status).toBe(202);
    expect((await connect(successor, username)).status).toBe(201);
  });
});

describe('an account that is connected again', () => {
  const settings = { excludedFolders: [['Private']], backfillSince: '2026-01-01' };

  it.each([
    { what: 'nothing', said: {}, expected: settings },
    {
      what: 'that all folders are wanted',
      said: { excludedFolders: [] },
      expected: { ...settings, excludedFolders: [] },
    },
    {
      what: 'that all history is wanted',
      said: { backfillSince: null },
      expected: { ...settings, backfillSince: null },
    },
    {
      what: 'other settings',
      said: { excludedFolders: [['Secret']], backfillSince: '2026-02-02' },
      expected: { excludedFolders: [['Secret']], backfillSince: '2026-02-02' },
    },
  ])(
    'has the settings that it had when the body says $what',
    async ({ what, said, expected: kept }) => {
      const memberId = await tenant.member(`Settings-${what.replaceAll(' ', '-')}`);
      const first = await connect(memberId, `${what}@corp.example`, settings);
      expect(first).toMatchObject({ status: 201, body: settings });
      await disconnect(first.body['id']);
      const again = await connect(memberId, `${what}@corp.example`, said);
      expect(again).toMatchObject({ status: 201, body: { id: first.body['id'], ...kept } });
    },
  );
});
