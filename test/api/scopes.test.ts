import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scopes, type Scope } from '../../domain/scope.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { tenantOperations, type Operation } from '../support/api-operations.ts';
import { createMailWorld, type MailWorld } from '../support/mail-world.ts';

let api: TestApi;
let world: MailWorld;

beforeAll(async () => {
  // Every route is asked twice with one tenant's keys.
  const generous = { burst: 10_000, perSecond: 10_000 };
  api = await createTestApi({ limits: { requests: generous } });
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

const post = async (path: string, key: string, body: object) =>
  await api.call('POST', path, { key, body });

async function keyWith(chosen: readonly Scope[], by = world.ours.key): Promise<string> {
  const { status, body } = await post('/v1/api-keys', by, { scopes: chosen });
  expect([status, body['scopes']]).toEqual([201, chosen]);
  return body['key'] as string;
}

/** A route asked about what nobody has, in a member's name. */
async function askAt({ method, pattern }: Operation, key: string) {
  const path = pattern
    .replaceAll(/\{id\}/g, `${idPrefix(pattern)}_${'0'.repeat(32)}`)
    .replace('{skip}', `skp_${'0'.repeat(32)}`)
    .replace('{n}', '1');
  const body = method === 'POST' || method === 'PATCH' ? { body: {} } : {};
  return await api.call(method, path, { key, member: world.owner, ...body });
}

function idPrefix(pattern: string): string {
  const prefixes: Record<string, string> = {
    'api-keys': 'key',
    members: 'mbr',
    connections: 'con',
    folders: 'fld',
    messages: 'msg',
    threads: 'thr',
  };
  return prefixes[pattern.split('/')[2]!]!;
}

describe('scopes', () => {
  it('are named by every route of tenants, one each, and each of them by a route', () => {
    const named = tenantOperations().map(({ security }) => security.flatMap((s) => s['tenantKey']));
    expect(named.filter((list) => list.length !== 1)).toEqual([]);
    expect(new Set(named.flat())).toEqual(new Set(scopes));
  });

  it('reading is asked for where nothing changes, writing where something does', () => {
    for (const { method, pattern, security } of tenantOperations()) {
      const what = method === 'GET' ? 'read' : 'write';
      expect(security[0]!['tenantKey']![0], `${method} ${pattern}`).toMatch(`:${what}`);
    }
  });

  it.each(scopes)(
    '%s: its routes answer a key that has it alone, and none that lacks it',
    async (scope) => {
      const operations = tenantOperations();
      const alone = await keyWith([scope]);
      const lacking = await keyWith(scopes.filter((each) => each !== scope));
      for (const operation of operations) {
        const answers = [await askAt(operation, alone), await askAt(operation, lacking)];
        const refused = answers.map(({ status, body }) => [status, body['code']].join(' '));
        const own = operation.security[0]!['tenantKey']!.includes(scope);
        const [answering, refusing] = own ? refused : refused.toReversed();
        const name = `${operation.method} ${operation.pattern}`;
        expect(refusing, name).toBe('403 scope-missing');
        expect(answering, name).not.toContain('scope-missing');
      }
    },
  );

  it('are asked for by HEAD as by GET, and the answer names the scope', async () => {
    const key = await keyWith(['mail:read']);
    expect((await api.app.request('/v1/members', bearer(key, 'HEAD'))).status).toBe(403);
    const answer = await api.call('GET', '/v1/members', { key });
    expect(answer.body['detail']).toContain('members:read');
    const full = await api.app.request('/v1/members', bearer(world.ours.key, 'HEAD'));
    expect(full.status).toBe(200);
  });

  it('are checked before anything is done or looked up', async () => {
    const key = await keyWith(['mail:read']);
    const path = `/v1/connections/${world.connection}`;
    expect((await api.call('DELETE', path, { key })).body['code']).toBe('scope-missing');
    expect((await api.call('GET', path, { key: world.ours.key })).body['state']).toBeDefined();
    expect((await post('/v1/members', key, { nonsense: 1 })).body['code']).toBe('scope-missing');
  });

  it('a refusal is in the audit log', async () => {
    const other = await api.tenant('Audited');
    const member = await other.member('Somebody');
    const key = await keyWith(['audit:read'], other.key);
    await api.call('GET', '/v1/folders', { key, member });
    const { body } = await api.call('GET', '/v1/audit?limit=20', { key });
    const denied = body.data.map(({ action, target }) => [action, (target as { id: string }).id]);
    expect(denied).toContainEqual(['authz.denied', 'GET /v1/folders']);
  });
});

describe('a key that makes others', () => {
  it('gives its own scopes when none are asked for, and never more', async () => {
    const maker = await keyWith(['mail:read', 'keys:write']);
    const same = await post('/v1/api-keys', maker, {});
    expect(same.body['scopes']).toEqual(['mail:read', 'keys:write']);
    const more = await post('/v1/api-keys', maker, { scopes: ['mail:read', 'mail:write'] });
    expect(more).toMatchObject({ status: 403, body: { code: 'scope-missing' } });
    expect(more.body['detail']).toContain('mail:write');
    expect(await keyWith(['mail:read'], maker)).toMatch(/^stw_/);
  });

  it('shows the scopes in the list, in their order and once each', async () => {
    const wanted = ['mail:write', 'mail:read', 'mail:write'];
    const made = await post('/v1/api-keys', world.ours.key, { scopes: wanted });
    expect(made.body['scopes']).toEqual(['mail:read', 'mail:write']);
    const { body } = await api.call('GET', '/v1/api-keys?limit=1', { key: world.ours.key });
    expect(body.data[0]).toMatchObject({
      id: made.body['id'],
      scopes: ['mail:read', 'mail:write'],
    });
  });

  it.each([{ scopes: [] }, { scopes: ['mail'] }, { scopes: 'mail:read' }, { scopes: null }])(
    'is told what is wrong with %j',
    async (body) => {
      const answer = await post('/v1/api-keys', world.ours.key, body);
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-request' } });
    },
  );

  it('can be revoked while a key with every scope is left, whatever the others may do', async () => {
    const { theirs } = world;
    const { body } = await api.call('GET', '/v1/api-keys', { key: theirs.key });
    const first = `/v1/api-keys/${String(body.data[0]!['id'])}`;
    await keyWith(
      scopes.filter((scope) => scope !== 'audit:read'),
      theirs.key,
    );
    const refused = await api.call('DELETE', first, { key: theirs.key });
    expect(refused).toMatchObject({ status: 409, body: { code: 'last-key' } });
    const full = await keyWith(scopes, theirs.key);
    expect((await api.call('DELETE', first, { key: full })).status).toBe(204);
  });
});

describe('a member’s token', () => {
  const token = async (key: string, more: object = {}) =>
    await post('/v1/member-tokens', key, { memberId: world.owner, ...more });

  it('has the scopes of its key, or fewer', async () => {
    const key = await keyWith(['mail:read', 'connections:read', 'tokens:write']);
    const made = await token(key);
    expect(made.body['scopes']).toEqual(['mail:read', 'connections:read', 'tokens:write']);
    const narrow = await token(key, { scopes: ['mail:read'] });
    expect(narrow.body['scopes']).toEqual(['mail:read']);
    const path = `/v1/messages/${world.untracked}`;
    const ask = async (method: string, at: string, by: { body: Record<string, unknown> }) =>
      await api.call(method, at, { key: String(by.body['token']) });
    expect((await ask('GET', path, narrow)).status).toBe(200);
    expect((await ask('DELETE', path, narrow)).body['code']).toBe('scope-missing');
    expect((await ask('GET', '/v1/connections', narrow)).body['code']).toBe('scope-missing');
    expect((await ask('GET', '/v1/connections', made)).status).toBe(200);
  });

  it('never has more', async () => {
    const key = await keyWith(['mail:read', 'tokens:write']);
    const more = await token(key, { scopes: ['mail:write'] });
    expect(more).toMatchObject({ status: 403, body: { code: 'scope-missing' } });
  });
});

const bearer = (key: string, method: string) => ({
  method,
  headers: { Authorization: `Bearer ${key}` },
});
