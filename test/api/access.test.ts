import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi, type TestTenant } from '../support/api.ts';
import { createMailWorld, markers, type MailWorld } from '../support/mail-world.ts';

let api: TestApi;
let world: MailWorld;
let tenant: TestTenant;

beforeAll(async () => {
  api = await createTestApi();
  world = await createMailWorld(api);
  tenant = world.ours;
});
afterAll(() => api[Symbol.asyncDispose]());

const ask = async (method: string, path: string, key: string, body?: unknown, member?: string) =>
  await api.call(method, path, { key, member, ...(body !== undefined && { body }) });

const makeToken = async (memberId: string, more: object = {}) =>
  await ask('POST', '/v1/member-tokens', tenant.key, { memberId, ...more });

const tokenOf = async (memberId: string) => (await makeToken(memberId)).body['token'] as string;

describe('API keys', () => {
  it('are changed without a gap: create, use, revoke', async () => {
    const made = await ask('POST', '/v1/api-keys', tenant.key, { label: 'import-job' });
    expect(made).toMatchObject({ status: 201, body: { label: 'import-job', revokedAt: null } });
    const key = made.body['key'] as string;
    expect(key).toMatch(/^stw_[\w-]{43}$/);
    expect((await ask('GET', '/v1/members', key)).status).toBe(200);
    const listed = await ask('GET', '/v1/api-keys', key);
    expect(listed.body.data.map(({ label }) => label)).toEqual(['import-job', null]);
    expect(JSON.stringify(listed.body)).not.toContain(key);
    const path = `/v1/api-keys/${String(made.body['id'])}`;
    expect((await ask('DELETE', path, tenant.key)).status).toBe(204);
    expect((await ask('GET', '/v1/members', key)).status).toBe(401);
    expect((await ask('DELETE', path, tenant.key)).status).toBe(404);
  });

  it('are shown once: a replay has null in the key’s place', async () => {
    const headers = { 'Idempotency-Key': 'one-key' };
    const options = { key: tenant.key, body: { label: 'replayed' }, headers };
    const first = await api.call('POST', '/v1/api-keys', options);
    const second = await api.call('POST', '/v1/api-keys', options);
    expect(first.body['key']).toMatch(/^stw_/);
    expect(second.body).toEqual({ ...first.body, key: null });
    const token = { key: tenant.key, body: { memberId: world.owner }, headers };
    expect((await api.call('POST', '/v1/member-tokens', token)).body['token']).toMatch(/^mt_/);
    expect((await api.call('POST', '/v1/member-tokens', token)).body['token']).toBeNull();
  });

  it('can not all be revoked, not even by two at the same moment', async () => {
    const { theirs } = world;
    const [first] = (await ask('GET', '/v1/api-keys', theirs.key)).body.data;
    const path = `/v1/api-keys/${String(first!['id'])}`;
    expect(await ask('DELETE', path, theirs.key)).toMatchObject({
      status: 409,
      body: { code: 'last-key' },
    });
    const made = await ask('POST', '/v1/api-keys', theirs.key, {});
    const other = `/v1/api-keys/${String(made.body['id'])}`;
    const answers = await Promise.all([
      ask('DELETE', path, String(made.body['key'])),
      ask('DELETE', other, theirs.key),
    ]);
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    const working = await api.database.owner.sql`
      select from directory.api_keys where tenant_id = ${theirs.uuid} and revoked_at is null`;
    expect(working).toHaveLength(1);
  });

  it.each([{ label: 'Jane Doe' }, { label: 'x'.repeat(41) }, { label: '' }, { name: 'x' }])(
    'refuse %j',
    async (body) => {
      expect((await ask('POST', '/v1/api-keys', tenant.key, body)).status).toBe(400);
    },
  );
});

describe('a member’s token', () => {
  it('acts for its member without a header, and reads what that member may', async () => {
    const made = await makeToken(world.owner);
    expect(made).toMatchObject({ status: 201, body: { memberId: world.owner } });
    const lifeMs = Date.parse(String(made.body['expiresAt'])) - Date.now();
    expect(lifeMs).toBeGreaterThan(3_590_000);
    expect(lifeMs).toBeLessThanOrEqual(3_600_000);
    const path = `/v1/messages/${world.untracked}`;
    const own = await ask('GET', path, made.body['token'] as string);
    expect(own.body['subject']).toBe(markers.subject);
    const others = await ask('GET', path, await tokenOf(world.colleague));
    expect(others.status).toBe(404);
  });

  it('can not act for somebody else', async () => {
    const token = await tokenOf(world.colleague);
    const answer = await ask('GET', '/v1/messages', token, undefined, world.owner);
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const same = await ask('GET', '/v1/messages', token, undefined, world.colleague);
    expect(same.status).toBe(200);
  });

  it('changes its member’s own connections only, and makes neither keys nor tokens', async () => {
    const token = await tokenOf(world.colleague);
    const connection = `/v1/connections/${world.connection}`;
    const refused = [
      await ask('POST', `${connection}/pause`, token),
      await ask('PATCH', connection, token, { excludedFolders: [] }),
      await ask('DELETE', connection, token),
      await ask('POST', `${connection}/skips/${world.skip}/retry`, token),
      await ask('POST', '/v1/api-keys', token, {}),
      await ask('GET', '/v1/api-keys', token),
      await ask('POST', '/v1/member-tokens', token, { memberId: world.colleague }),
      await ask('GET', '/v1/audit', token),
      await ask('PATCH', `/v1/members/${world.owner}`, token, { name: 'Renamed' }),
      await ask('DELETE', `/v1/members/${world.owner}`, token),
    ];
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    expect((await ask('POST', `${connection}/pause`, await tokenOf(world.owner))).status).toBe(202);
    const self = await ask('PATCH', `/v1/members/${world.colleague}`, token, { name: 'Self' });
    expect(self).toMatchObject({ status: 200, body: { name: 'Self' } });
  });

  it('of an owner makes no key either: it would outlive its hour', async () => {
    const boss = await ask('PATCH', `/v1/members/${world.owner}`, tenant.key, { role: 'owner' });
    expect(boss.body['role']).toBe('owner');
    const token = await tokenOf(world.owner);
    expect((await ask('GET', '/v1/api-keys', token)).status).toBe(200);
    for (const path of ['/v1/api-keys', '/v1/member-tokens']) {
      const answer = await ask('POST', path, token, {
        ...(path !== '/v1/api-keys' && { memberId: world.owner }),
      });
      expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
  });

  it('is not made for somebody else by a member', async () => {
    const body = { memberId: world.colleague };
    const answer = await ask('POST', '/v1/member-tokens', tenant.key, body, world.owner);
    expect(answer.status).toBe(403);
  });

  it.each([{ lifeSeconds: 3_601 }, { lifeSeconds: 0 }])(
    'lives an hour at most: %j',
    async (more) => {
      expect((await makeToken(world.owner, more)).status).toBe(400);
    },
  );

  it('ends with its time, and is cleared away by the next one', async () => {
    const token = await tokenOf(world.owner);
    await api.database.owner.sql`
      update directory.member_tokens set expires_at = now() - interval '1 second'`;
    expect((await ask('GET', '/v1/messages', token)).status).toBe(401);
    await tokenOf(world.owner);
    const rows = await api.database.owner.sql`select from directory.member_tokens`;
    expect(rows).toHaveLength(1);
  });

  it('ends with the key that made it', async () => {
    const made = await ask('POST', '/v1/api-keys', tenant.key, {});
    const key = made.body['key'] as string;
    const token = (await ask('POST', '/v1/member-tokens', key, { memberId: world.owner })).body;
    expect((await ask('GET', '/v1/messages', String(token['token']))).status).toBe(200);
    await ask('DELETE', `/v1/api-keys/${String(made.body['id'])}`, tenant.key);
    expect((await ask('GET', '/v1/messages', String(token['token']))).status).toBe(401);
  });

  it('is nothing to operators’ routes, and is stored as a hash only', async () => {
    const token = await tokenOf(world.owner);
    expect((await ask('GET', '/v1/admin/tenants', token)).status).toBe(401);
    const rows = await api.database.owner.sql`select * from directory.member_tokens`;
    expect(JSON.stringify(rows)).not.toContain(token);
  });
});

describe('the audit log over HTTP', () => {
  it('shows a tenant its own entries, page by page, and no other’s', async () => {
    const seen: Record<string, unknown>[] = [];
    for (let cursor = ''; ;) {
      const page = await ask('GET', `/v1/audit?limit=3${cursor}`, tenant.key);
      expect(page.status).toBe(200);
      seen.push(...page.body.data);
      const next = page.body['nextCursor'] as string | null;
      if (next === null) break;
      cursor = `&cursor=${next}`;
    }
    expect(seen.at(-1)).toMatchObject({
      action: 'tenant.created',
      actor: { kind: 'operator', id: expect.stringMatching(/^opr_/) },
      target: { kind: 'tenant', id: tenant.id },
    });
    const rows = await api.database.owner.sql`
      select from admin.audit_log where tenant_id = ${tenant.uuid}`;
    expect(seen).toHaveLength(rows.length);
    const positions = seen.map(({ position }) => Number(position));
    expect(positions).toEqual(positions.toSorted((a, b) => b - a));
  });

  it('shows operators all of it, or one tenant’s', async () => {
    const path = '/v1/admin/audit?limit=200';
    const all = await ask('GET', path, api.operatorKey);
    const tenants = new Set(all.body.data.map(({ tenantId }) => tenantId));
    expect(tenants).toContain(tenant.id);
    expect(tenants).toContain(world.theirs.id);
    const one = await ask('GET', `${path}&tenant=${world.theirs.id}`, api.operatorKey);
    expect(new Set(one.body.data.map(({ tenantId }) => tenantId))).toEqual(
      new Set([world.theirs.id]),
    );
  });

  it('refuses a cursor of another list or none at all', async () => {
    const page = await ask('GET', '/v1/audit?limit=1', tenant.key);
    const cursor = String(page.body['nextCursor']);
    const other = await api.tenant('Curious');
    const stolen = await ask('GET', `/v1/audit?cursor=${cursor}`, other.key);
    expect(stolen).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } });
    const members = await ask('GET', `/v1/members?cursor=${cursor}`, tenant.key);
    expect(members).toMatchObject({ status: 400, body: { code: 'invalid-cursor' } });
  });
});
