import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePublicId } from '../../domain/ids.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createMailWorld, type MailWorld } from '../support/mail-world.ts';

let api: TestApi;
let world: MailWorld;

beforeAll(async () => {
  api = await createTestApi();
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

const ask = async (method: string, path: string, body?: unknown, member?: string) =>
  await api.call(method, path, {
    key: world.ours.key,
    member,
    ...(body !== undefined && { body }),
  });

const change = async (id: string, body: unknown, member?: string) =>
  await ask('PATCH', `/v1/members/${id}`, body, member);

const add = async (name: string, role: string) => {
  const body = { name, email: `${name.toLowerCase()}@members.example`, role };
  return String((await ask('POST', '/v1/members', body)).body['id']);
};

describe('a member', () => {
  it('is renamed, gets another address and another role', async () => {
    const id = await add('Rita', 'member');
    expect(await change(id, { name: 'Rita Renamed' })).toMatchObject({
      status: 200,
      body: { name: 'Rita Renamed', email: 'rita@members.example', role: 'member', leftAt: null },
    });
    expect((await change(id, { email: 'rita@new.example', role: 'admin' })).body).toMatchObject({
      name: 'Rita Renamed',
      email: 'rita@new.example',
      role: 'admin',
    });
    const taken = await change(id, { email: 'OWNER@members.example' });
    expect(taken).toMatchObject({ status: 409, body: { code: 'duplicate-member' } });
    expect((await change(id, {})).status).toBe(400);
    expect((await change(id, { role: 'king' })).status).toBe(400);
  });

  it('changes nobody above their own role, and no role at all as a mere member', async () => {
    const [owner, admin, simple] = [
      await add('Olga', 'owner'),
      await add('Adam', 'admin'),
      await add('Sue', 'member'),
    ];
    const refused = [
      await change(owner, { name: 'X' }, admin),
      await change(simple, { role: 'owner' }, admin),
      await change(simple, { role: 'admin' }, simple),
      await change(admin, { name: 'X' }, simple),
      await ask('DELETE', `/v1/members/${owner}`, undefined, admin),
      await ask('DELETE', `/v1/members/${simple}`, undefined, simple),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    expect((await change(simple, { role: 'admin' }, admin)).status).toBe(200);
    expect((await change(simple, { role: 'owner' }, owner)).status).toBe(200);
  });
});

describe('the last owner', () => {
  it('can neither go nor step down; of two who do so at once one stays', async () => {
    const tenant = await api.tenant('Owners');
    const call = async (method: string, path: string, body?: unknown) =>
      await api.call(method, path, { key: tenant.key, ...(body !== undefined && { body }) });
    const owner = async (name: string) => {
      const body = { name, email: `${name}@owners.example`, role: 'owner' };
      return String((await call('POST', '/v1/members', body)).body['id']);
    };
    const first = await owner('first');
    expect((await call('PATCH', `/v1/members/${first}`, { role: 'admin' })).body['code']).toBe(
      'last-owner',
    );
    expect((await call('DELETE', `/v1/members/${first}`)).body['code']).toBe('last-owner');
    const second = await owner('second');
    const answers = await Promise.all([
      call('DELETE', `/v1/members/${first}`),
      call('PATCH', `/v1/members/${second}`, { role: 'member' }),
    ]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toContain(409);
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
  });
});

describe('off-boarding', () => {
  it('ends connections, tokens and presence at once; the row stays for the name', async () => {
    const made = await ask('POST', '/v1/member-tokens', { memberId: world.owner });
    const left = await ask('DELETE', `/v1/members/${world.owner}`);
    expect(left).toMatchObject({ status: 202, body: { id: world.owner, name: 'Owner' } });
    expect(left.body['leftAt']).not.toBeNull();

    const [row] = await api.database.owner.sql`
      select d.wanted, d.generation, c.credentials, c.erase_after <= now() as due
      from connections c join directory.connections d on d.id = c.id
      where c.id = ${parsePublicId('connection', world.connection)!}`;
    expect(row).toMatchObject({
      wanted: 'disconnected',
      generation: 2,
      credentials: null,
      due: true,
    });
    const token = { key: String(made.body['token']) };
    expect((await api.call('GET', '/v1/messages', token)).status).toBe(401);
    const asThem = await ask('GET', '/v1/messages', undefined, world.owner);
    expect(asThem.body['code']).toBe('unknown-member');
    const tracked = await ask('GET', `/v1/messages/${world.tracked}`, undefined, world.colleague);
    expect(tracked.status).toBe(200);
  });

  it('is said twice and done once; a departed member is changed no more and connects nothing', async () => {
    expect((await ask('DELETE', `/v1/members/${world.owner}`)).status).toBe(202);
    expect((await change(world.owner, { name: 'X' })).body['code']).toBe('member-left');
    const imap = { host: 'a.example', port: 993, security: 'tls', username: 'x', password: 'y' };
    const body = { provider: 'imap', memberId: world.owner, capabilities: ['mail'], imap };
    expect((await ask('POST', '/v1/connections', body)).body['code']).toBe('unknown-member');
    const token = await ask('POST', '/v1/member-tokens', { memberId: world.owner });
    expect(token.body['code']).toBe('unknown-member');
    const entries = await api.database.owner.sql`
      select from admin.audit_log where action = 'member.left'
        and target = ${`member:${parsePublicId('member', world.owner)!}`}`;
    expect(entries).toHaveLength(1);
  });

  it('leaves the address free for another member', async () => {
    const body = { name: 'Owner again', email: 'owner@members.example' };
    expect((await ask('POST', '/v1/members', body)).status).toBe(201);
  });
});
