import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePublicId, toPublicId } from '../../domain/ids.ts';
import { createTestApi, type TestApi, type TestTenant } from '../support/api.ts';
import { createTestConnection } from '../support/connection.ts';
import { createMailWorld } from '../support/mail-world.ts';

let api: TestApi;
let tenant: TestTenant;

beforeAll(async () => {
  api = await createTestApi();
  tenant = await api.tenant('Repeats');
});
afterAll(() => api[Symbol.asyncDispose]());

const add = async (idempotencyKey: string, name: string, key = tenant.key) =>
  await api.call('POST', '/v1/members', {
    key,
    body: { name, email: `${name}@repeats.example` },
    headers: { 'Idempotency-Key': idempotencyKey },
  });

describe('Idempotency-Key', () => {
  it('answers the same again, creates once, and says so', async () => {
    const first = await add('k-1', 'ada');
    const second = await add('k-1', 'ada');
    expect(first.status).toBe(201);
    expect(first.headers.get('Idempotent-Replayed')).toBeNull();
    expect(second.status).toBe(201);
    expect(second.headers.get('Idempotent-Replayed')).toBe('true');
    expect(second.body).toEqual(first.body);
  });

  it('refuses another body under the same key', async () => {
    await add('k-2', 'bea');
    expect(await add('k-2', 'bob')).toMatchObject({
      status: 409,
      body: { code: 'idempotency-mismatch' },
    });
  });

  it('refuses another query under the same key', async () => {
    const memberId = String((await add('k-2q', 'query')).body['id']);
    const imap = {
      ...{ host: 'imap.example.org', port: 993, security: 'tls' as const },
      ...{ username: 'query@repeats.example', password: 'x' },
    };
    const { connectionId } = await createTestConnection(api.deps.database, tenant.vault, imap, {
      memberId: parsePublicId('member', memberId)!,
    });
    const path = `/v1/connections/${toPublicId('connection', connectionId)}/confirm-deletions`;
    const { sql: owner } = api.database.owner;
    const confirm = async (count: number) => {
      await owner`
        update sync_status set deletions_held = ${count} where connection_id = ${connectionId}`;
      const headers = { 'Idempotency-Key': 'k-2q' };
      return await api.call('POST', `${path}?count=${count}`, { key: tenant.key, headers });
    };
    expect((await confirm(5)).status).toBe(202);
    expect((await confirm(5)).headers.get('Idempotent-Replayed')).toBe('true');
    expect(await confirm(7)).toMatchObject({ status: 409, body: { code: 'idempotency-mismatch' } });
  });

  it('keeps no answer that shows mail: what is safe to repeat is carried out again', async () => {
    const world = await createMailWorld(api);
    const member = { key: world.ours.key, member: world.owner };
    const path = `/v1/messages/${world.untracked}`;
    const track = async () =>
      await api.call('POST', `${path}/track`, {
        ...member,
        body: {},
        headers: { 'Idempotency-Key': 'k-2m' },
      });
    const answers = [await track(), await track()];
    expect(answers.map(({ status, body }) => [status, body['tracked']])).toEqual([
      [200, true],
      [200, true],
    ]);
    const kept = await api.database.owner.sql`
      select from idempotency_keys where tenant_id = ${world.ours.uuid}`;
    expect(kept).toHaveLength(0);
    expect((await api.call('DELETE', path, member)).status).toBe(202);
    expect((await track()).status).toBe(404);
  });

  it('belongs to one tenant and one key', async () => {
    const other = await api.tenant('Other');
    expect((await add('k-3', 'cleo')).status).toBe(201);
    const elsewhere = await add('k-3', 'someone', other.key);
    expect(elsewhere.status).toBe(201);
    expect(elsewhere.headers.get('Idempotent-Replayed')).toBeNull();
  });

  it('lets a request that failed run again', async () => {
    await add('k-4', 'dora');
    expect((await add('k-5', 'dora')).body['code']).toBe('duplicate-member');
    await api.database.owner.sql`update members set left_at = now()`;
    expect((await add('k-5', 'dora')).status).toBe(201);
  });

  it('runs once when two arrive together', async () => {
    const answers = await Promise.all([add('k-6', 'eve'), add('k-6', 'eve'), add('k-6', 'eve')]);
    const fresh = answers.filter(
      ({ status, headers }) => status === 201 && !headers.has('Idempotent-Replayed'),
    );
    expect(fresh).toHaveLength(1);
    const refusals = answers.filter(({ status }) => status !== 201).map(({ body }) => body['code']);
    expect(refusals).toEqual(refusals.map(() => 'idempotency-in-flight'));
  });

  it('takes over from a request whose process died before it was carried out', async () => {
    await add('k-7', 'flo');
    await api.database.owner.db.execute(sql`
      update idempotency_keys set status = null, response = null, done_at = null,
        created_at = created_at - interval '1 hour'`);
    await api.database.owner.sql`update members set left_at = now()`;
    const again = await add('k-7', 'flo');
    expect(again.status).toBe(201);
    expect(again.headers.has('Idempotent-Replayed')).toBe(false);
  });

  it('never shows a key a second time', async () => {
    const create = async () =>
      await api.call('POST', '/v1/admin/tenants', {
        key: api.operatorKey,
        body: { name: 'Once' },
        headers: { 'Idempotency-Key': 'k-8' },
      });
    const first = (await create()).body as unknown as { id: string; apiKey: { key: string } };
    const second = (await create()).body as unknown as { id: string; apiKey: { key: null } };
    expect(first.apiKey.key).toMatch(/^stw_[\w-]{43}$/);
    expect(second).toMatchObject({ id: first.id, apiKey: { key: null } });
    expect((await api.call('GET', '/v1/members', { key: first.apiKey.key })).status).toBe(200);
  });

  it('keeps answers sealed', async () => {
    await add('k-9', 'plaintextmarker');
    const rows = await api.database.owner.sql<{ response: Uint8Array }[]>`
      select response from idempotency_keys where response is not null`;
    expect(rows.length).toBeGreaterThan(0);
    for (const { response } of rows) {
      expect(Buffer.from(response).toString('latin1')).not.toContain('plaintextmarker');
    }
  });

  it.each(['', 'a b', 'ä', 'x'.repeat(256)])('refuses %j as a key', async (key) => {
    const answer = await api.app.request('/v1/members', {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${tenant.key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': key,
      },
      body: JSON.stringify({ name: 'g', email: 'g@repeats.example' }),
    });
    expect(answer.status).toBe(400);
  });
});
