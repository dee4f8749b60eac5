import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../support/api.ts';
import { apiOperations, tenantOperations, type Operation } from '../support/api-operations.ts';
import { createMailWorld, type MailWorld } from '../support/mail-world.ts';

let api: TestApi;
let world: MailWorld;

beforeAll(async () => {
  // Every route is asked with a wrong key, within a moment.
  api = await createTestApi({ limits: { refusals: { burst: 1_000, perSecond: 1_000 } } });
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

interface Named {
  id: string;
}

/** Mail is asked for as a member; the rest as the CRM itself, which is refused nothing else. */
const asks = (pattern: string, who: { key: string; member: string }) =>
  /^\/v1\/(folders|messages|threads)/.test(pattern) ? who : { key: who.key };

/** The id that the first tenant has for a route's `{id}`; a route that is not listed fails. */
function ourId(pattern: string): string {
  const [, resource] = pattern.split('/').slice(1);
  const ids: Record<string, string> = {
    'api-keys': world.apiKey,
    members: world.owner,
    connections: world.connection,
    messages: world.tracked,
    threads: world.trackedThread,
    folders: world.folder,
  };
  const id = ids[resource ?? ''];
  if (!id) throw new Error(`Give this test an id for ${pattern}.`);
  return id;
}

/** What a route asks of a body before it looks for the id. */
const bodies: Record<string, object> = {
  'PATCH /v1/connections/{id}': { excludedFolders: [] },
  'PATCH /v1/members/{id}': { name: 'Renamed' },
};

const askAbout = async (
  { method, pattern }: Operation,
  id: string,
  who: { key: string; member: string },
) => {
  const path = pattern.replace('{id}', id).replace('{n}', '1').replace('{skip}', world.skip);
  const body = bodies[`${method} ${pattern}`] ?? {};
  return await api.call(method, path, {
    ...asks(pattern, who),
    ...(['POST', 'PATCH'].includes(method) && { body }),
  });
};

const ask = async (operation: Operation, who: { key: string; member: string }) =>
  await askAbout(operation, ourId(operation.pattern), who);

describe('two tenants', () => {
  it('answers 404 to another tenant’s id on every route of the document', async () => {
    const withId = tenantOperations().filter(({ pattern }) => pattern.includes('{id}'));
    expect(withId.length).toBeGreaterThanOrEqual(14);
    const stranger = { key: world.theirs.key, member: world.stranger };
    const leaks: string[] = [];
    for (const operation of withId) {
      const { status, body } = await ask(operation, stranger);
      const same = body['detail'] === (await nothing(operation, stranger)).body['detail'];
      const hidden = status === 404 && body['code'] === 'not-found' && same;
      if (!hidden) leaks.push(`${operation.method} ${operation.pattern}`);
    }
    expect(leaks).toEqual([]);
  });

  /** The same question about an id that nobody has: the answers must not differ. */
  const nothing = async (operation: Operation, who: { key: string; member: string }) => {
    const id = ourId(operation.pattern).replace(/_[0-9a-f]{32}$/, `_${'0'.repeat(32)}`);
    return await askAbout(operation, id, who);
  };

  it('lists nothing of another tenant', async () => {
    const lists = tenantOperations().filter(
      ({ method, pattern }) => method === 'GET' && !pattern.includes('{id}'),
    );
    expect(lists.length).toBeGreaterThanOrEqual(5);
    const who = { key: world.theirs.key, member: world.stranger };
    const found: Record<string, unknown[]> = {};
    for (const { pattern } of lists) {
      const answer = await api.call('GET', pattern, asks(pattern, who));
      if (answer.status !== 200 || answer.body.data.length > 0) {
        // What they were refused is their own as well, and names routes only.
        const items = answer.body.data.filter(({ action }) => action !== 'authz.denied');
        found[pattern] = items.map(({ id, target }) => id ?? (target as Named).id);
      }
    }
    expect(found).toEqual({
      '/v1/api-keys': [expect.stringMatching(/^key_/)],
      '/v1/audit': [world.stranger, found['/v1/api-keys']?.[0], world.theirs.id],
      '/v1/members': [world.stranger],
    });
    expect(found['/v1/api-keys']).not.toContain(world.apiKey);
  });

  it.each(['connection', 'thread', 'folder'] as const)(
    'finds nothing by their %s',
    async (name) => {
      const ids = {
        connection: world.connection,
        thread: world.trackedThread,
        folder: world.folder,
      };
      const path = `/v1/messages?${name}=${ids[name]}`;
      const own = await api.call('GET', path, { key: world.ours.key, member: world.owner });
      expect(own.body.data.length).toBeGreaterThan(0);
      const others = await api.call('GET', path, { key: world.theirs.key, member: world.stranger });
      expect(others.body.data).toEqual([]);
    },
  );

  it('refuses another tenant’s member, in the header and in a body', async () => {
    const header = await api.call('GET', '/v1/messages', {
      key: world.theirs.key,
      member: world.owner,
    });
    expect(header).toMatchObject({ status: 404, body: { code: 'unknown-member' } });
    const imap = { host: 'a.example', port: 993, security: 'tls', username: 'x', password: 'y' };
    const body = { provider: 'imap', memberId: world.owner, capabilities: ['mail'], imap };
    const connect = await api.call('POST', '/v1/connections', { key: world.theirs.key, body });
    expect(connect).toMatchObject({ status: 404, body: { code: 'unknown-member' } });
  });

  it('keeps tenants’ and operators’ keys apart', async () => {
    const opened: string[] = [];
    for (const { method, pattern, security } of apiOperations()) {
      if (security.length === 0) continue;
      const path = pattern.replaceAll(/\{\w+\}/g, 'x');
      const operatorOnly = security.some((scheme) => 'operatorKey' in scheme);
      const wrong = operatorOnly ? world.ours.key : api.operatorKey;
      const { status, body } = await api.call(method, path, { key: wrong });
      if (status !== 401 || body['code'] !== 'unauthorized') opened.push(`${method} ${pattern}`);
    }
    expect(opened).toEqual([]);
  });

  it('shows nothing without tenant context, and to nobody under row-level security', async () => {
    const rows = await api.database.app.sql`select * from messages`;
    expect(rows).toHaveLength(0);
    const all = await api.database.owner.sql`select * from messages`;
    expect(all.length).toBeGreaterThanOrEqual(2);
  });

  it('gives the first tenant what the second is refused', async () => {
    const who = { key: world.ours.key, member: world.owner };
    for (const pattern of ['/v1/messages/{id}', '/v1/connections/{id}', '/v1/threads/{id}']) {
      expect((await ask({ method: 'GET', pattern, kept: false, security: [] }, who)).status).toBe(
        200,
      );
    }
  });
});
