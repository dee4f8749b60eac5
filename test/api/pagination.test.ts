import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePublicId } from '../../domain/ids.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createTestConnection } from '../support/connection.ts';
import { type MailFolder, writeFolder, writeMessage } from '../support/mail-rows.ts';
import type { TestTenant } from '../support/api.ts';

let api: TestApi;
let tenant: TestTenant;
let member: string;
let folder: MailFolder;
let write: (uid: number, receivedAt: Date) => Promise<string>;

beforeAll(async () => {
  api = await createTestApi();
  tenant = await api.tenant('Pages');
  member = await tenant.member('Reader');
  const { database } = api.deps;
  const { connectionId } = await createTestConnection(
    database,
    tenant.vault,
    { host: 'h.example', port: 993, security: 'tls', username: 'u' },
    { memberId: parsePublicId('member', member)! },
  );
  const store = { database, vault: tenant.vault, connectionId };
  folder = await writeFolder(store, ['Inbox']);
  write = (uid, receivedAt) => writeMessage(store, folder, { uid, receivedAt });
  // Five share an instant, so that only the id orders them.
  for (let uid = 1; uid <= 12; uid += 1) await write(uid, at(uid <= 5 ? 0 : uid));
});
afterAll(() => api[Symbol.asyncDispose]());

const at = (second: number) => new Date(Date.UTC(2026, 2, 1, 0, 0, second));

const list = async (path: string) => await api.call('GET', path, { key: tenant.key, member });

async function walk(path: string, between: () => Promise<void>): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ;) {
    const { body, status } = await list(`${path}?limit=4${cursor && `&cursor=${cursor}`}`);
    expect(status).toBe(200);
    ids.push(...body.data.map(({ id }) => id as string));
    if (body['nextCursor'] === null) return ids;
    cursor = body['nextCursor'] as string;
    await between();
  }
}

describe('lists', () => {
  it('show every row once while newer rows are inserted', async () => {
    const before = (await list('/v1/messages?limit=200')).body.data.map(({ id }) => id);
    let uid = 100;
    const walked = await walk('/v1/messages', async () => {
      uid += 1;
      await write(uid, at(uid));
    });
    expect(walked).toEqual(before);
    expect(new Set(walked).size).toBe(12);
    expect((await list('/v1/messages?limit=200')).body.data).toHaveLength(14);
  });

  it('show every thread once while newer mail arrives', async () => {
    const before = (await list('/v1/threads?limit=200')).body.data.map(({ id }) => id);
    const walked = await walk('/v1/threads', async () => {
      await write(200 + Math.floor(Math.random() * 1e6), at(3_000));
    });
    expect(walked).toEqual(before);
  });

  it.each([
    ['nonsense', 'cursor=%25%25'],
    ['other JSON', `cursor=${Buffer.from('{"v":1}').toString('base64url')}`],
    ['an overlong one', `cursor=${'a'.repeat(600)}`],
    ['an empty one', 'cursor='],
  ])('refuse %s as a cursor', async (_what, query) => {
    expect(await list(`/v1/messages?${query}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid-cursor', title: expect.any(String), requestId: expect.any(String) },
    });
  });

  it.each([
    '',
    '9999-99-99T99:99:99.000000Z',
    '2026-02-30T00:00:00.000000Z',
    '2026-02-01T24:00:00.000000Z',
    '0000-01-01T00:00:00.000000Z',
    '999999-01-01T00:00:00.000000Z',
    '2026-02-01',
  ])('refuse a cursor whose instant is %j', async (instant) => {
    for (const path of ['/v1/messages', '/v1/threads']) {
      const { body } = await list(`${path}?limit=2`);
      const cursor = Buffer.from(String(body['nextCursor']), 'base64url').toString();
      const sent = (part: string) =>
        list(
          `${path}?cursor=${Buffer.from(cursor.replace(/"at":"[^"]*"/, part)).toString('base64url')}`,
        );
      expect(await sent(`"at":"${instant}"`)).toMatchObject({
        status: 400,
        body: { code: 'invalid-cursor' },
      });
      expect((await sent('"at":"12026-02-28T23:59:59.999999Z"')).status).toBe(200);
    }
  });

  it('refuse a cursor of another list, of other filters, of another member', async () => {
    const { body } = await list('/v1/messages?limit=2');
    const cursor = body['nextCursor'] as string;
    const codes = [];
    for (const path of ['/v1/threads?', '/v1/messages?tracked=true&', '/v1/folders?']) {
      codes.push((await list(`${path}cursor=${cursor}`)).body['code']);
    }
    expect(codes).toEqual(['invalid-cursor', 'invalid-cursor', 'invalid-cursor']);
    const other = await tenant.member('Other');
    const asOther = { key: tenant.key, member: other };
    const answer = await api.call('GET', `/v1/messages?cursor=${cursor}`, asOther);
    expect(answer.body['code']).toBe('invalid-cursor');
  });

  it.each(['0', '201', '-1', 'many', '1.5'])('refuse limit=%s', async (limit) => {
    expect(await list(`/v1/messages?limit=${limit}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ field: 'limit' }] },
    });
  });
});
