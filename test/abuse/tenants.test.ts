import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '../../db/catalogue.ts';
import { openDatabase } from '../../db/client.ts';
import { verifyAudit } from '../../db/queries/audit.ts';
import { withTenant } from '../../db/tenant.ts';
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

const tenantTables = catalogue
  .filter(({ name }) => name.startsWith('public.') && name !== 'public.wrapped_keys')
  .map(({ name }) => name);

describe('another tenant', () => {
  const stranger = () => ({ key: world.theirs.key, member: world.stranger });

  it('abuse case 34: its ids of every kind read, change and delete as if they did not exist', async () => {
    const ids = [
      ...['messages', 'threads', 'connections', 'members', 'folders'].map((kind) => ({
        kind,
        id: {
          messages: world.tracked,
          threads: world.trackedThread,
          connections: world.connection,
          members: world.owner,
          folders: world.folder,
        }[kind]!,
      })),
    ];
    const seen: string[] = [];
    for (const { kind, id } of ids) {
      const nobodys = id.replace(/_[0-9a-f]{32}$/, `_${'0'.repeat(32)}`);
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const ask = async (asked: string) =>
          await api.call(method, `/v1/${kind}/${asked}`, {
            ...stranger(),
            ...(method === 'PATCH' && { body: {} }),
          });
        const [theirs, none] = [await ask(id), await ask(nobodys)];
        const [a, b] = [theirs, none].map(({ status, body }) => [
          status,
          body['code'],
          body['detail'],
        ]);
        if (JSON.stringify(a) !== JSON.stringify(b) || theirs.status < 400) {
          seen.push(`${method} ${kind}: ${JSON.stringify(a)} instead of ${JSON.stringify(b)}`);
        }
      }
    }
    expect(seen).toEqual([]);
    const own = { key: world.ours.key, member: world.owner };
    expect((await api.call('GET', `/v1/messages/${world.tracked}`, own)).status).toBe(200);
  });

  it('abuse case 34: who was refused is in the audit log, once, whatever was guessed', async () => {
    const guesser = await world.theirs.member('Guesser');
    const asked = { key: world.theirs.key, member: guesser };
    const nobodys = `msg_${'0'.repeat(32)}`;
    const before = await denials();
    for (const id of [world.untracked, nobodys, world.tracked]) {
      expect((await api.call('GET', `/v1/messages/${id}`, asked)).status).toBe(404);
    }
    const entry = (target: string, actor = `member:${parsePublicId('member', guesser)!}`) => ({
      ...{ tenant_id: world.theirs.uuid, actor, target },
    });
    const read = entry('route:GET /v1/messages/:id');
    expect((await denials()).slice(before.length)).toEqual([read]);
    await api.call('PATCH', `/v1/messages/${world.tracked}`, { ...asked, body: { read: true } });
    // A name in the header is a guess as well, and so is what a role does not allow.
    const key = { key: world.theirs.key };
    await api.call('GET', '/v1/messages', { ...key, member: world.owner });
    await api.call('GET', '/v1/audit', asked);
    expect((await denials()).slice(before.length + 1)).toEqual([
      entry('route:PATCH /v1/messages/:id'),
      entry('route:GET /v1/messages', expect.stringMatching(/^key:/) as string),
      entry('route:GET /v1/audit'),
    ]);
    // What is allowed, what is misspelt and who is nobody leave nothing.
    await api.call('GET', '/v1/messages', asked);
    await api.call('GET', '/v1/nothing', asked);
    await api.call('GET', `/v1/messages/${nobodys}`, { key: 'stw_wrong' });
    expect(await denials()).toHaveLength(before.length + 4);
    expect(await verifyAudit(api.database.app)).toMatchObject({ ok: true });
  });

  it('abuse case 34: a key that names every member does not flood the audit log', async () => {
    const flooding = await api.tenant('Flooding');
    const names = Array.from({ length: 12 }, (_, i) => `m${i}`);
    const members = await Promise.all(names.map((name) => flooding.member(name)));
    const ways = ['messages', 'threads', 'connections', 'members', 'folders'].flatMap((kind) =>
      (['GET', 'PATCH', 'DELETE'] as const).map((method) => ({ kind, method })),
    );
    let refused = 0;
    for (const member of members) {
      for (const { kind, method } of ways) {
        const id = { messages: 'msg', threads: 'thr', connections: 'con' }[kind] ?? 'mbr';
        const { body } = await api.call(method, `/v1/${kind}/${id}_${'0'.repeat(32)}`, {
          ...{ key: flooding.key, member },
          ...(method === 'PATCH' && { body: { name: 'x' } }),
        });
        if (body['code'] === 'not-found' || body['code'] === 'forbidden') refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
    const noted = (await denials()).filter((entry) => entry['tenant_id'] === flooding.uuid);
    expect(noted.length).toBeGreaterThan(90);
    expect(noted.length).toBeLessThanOrEqual(101);
  });

  async function denials(): Promise<Record<string, unknown>[]> {
    return await api.database.app.sql`
      select tenant_id, actor, target from admin.audit_log where action = 'authz.denied'
      order by seq`;
  }

  it('abuse case 34: its mail is not counted in anybody’s lists', async () => {
    for (const path of ['/v1/messages', '/v1/threads', '/v1/folders', '/v1/connections']) {
      const { status, body } = await api.call('GET', path, stranger());
      expect({ path, status, data: body.data }).toEqual({ path, status: 200, data: [] });
    }
  });

  it('abuse case 35: a query that forgets the tenant finds no row of it, in any table', async () => {
    const { uuid } = world.theirs;
    const found: Record<string, number> = {};
    for (const table of tenantTables) {
      const rows = await withTenant(api.deps.database, uuid, (tx) =>
        tx.execute(sql`select tenant_id from ${sql.raw(table)} where tenant_id <> ${uuid}`),
      );
      const without = await api.deps.database.sql.unsafe(`select 1 from ${table}`);
      found[table] = rows.length + without.length;
    }
    expect(Object.keys(found).length).toBeGreaterThan(10);
    expect(Object.entries(found).filter(([, count]) => count > 0)).toEqual([]);
    const [ours] = await api.database.owner.sql<{ count: number }[]>`
      select count(*)::int as count from messages`;
    expect(ours!.count).toBeGreaterThan(0);
  });

  it('abuse case 36: a connection whose transaction was aborted carries no tenant on', async () => {
    const options = { poolMax: 1, applicationName: 'test-single' };
    const single = openDatabase(api.database.appUrl, options);
    const [pid] = await single.sql`select pg_backend_pid() as pid`;
    const aborted = withTenant(single, world.ours.uuid, async (tx) => {
      expect(await tx.execute(sql`select id from messages`)).not.toHaveLength(0);
      await tx.execute(sql`select 1 / 0`);
    });
    await expect(aborted).rejects.toMatchObject({ cause: { code: '22012' } });
    expect(await single.sql`select id from messages`).toHaveLength(0);
    expect(await single.sql`select pg_backend_pid() as pid`).toEqual([pid]);
    await single.close();
  });

  it('abuse case 38: what one tenant took is free for the other, and tells it nothing', async () => {
    const email = 'taken@members.example';
    const add = async (key: string) =>
      await api.call('POST', '/v1/members', { key, body: { name: 'Jane', email } });
    expect((await add(world.ours.key)).status).toBe(201);
    expect((await add(world.ours.key)).body['code']).toBe('duplicate-member');
    expect((await add(world.theirs.key)).status).toBe(201);
    const unique = await api.database.owner.sql<{ name: string; columns: string[] }[]>`
      select c.relname as name, array_agg(a.attname::text) as columns
      from pg_index i join pg_class c on c.oid = i.indrelid
        join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
      where i.indisunique and c.relnamespace = 'public'::regnamespace
        and c.relname <> 'steward_migrations'
      group by i.indexrelid, c.relname`;
    expect(unique.length).toBeGreaterThan(10);
    expect(unique.filter(({ columns }) => !columns.includes('tenant_id'))).toEqual([]);
  });
});

describe('a request with more than it may say', () => {
  const forbidden = ['tenant_id', 'tenantId', 'tracked', 'role', 'purpose', 'id', 'generation'];

  it('abuse case 39: fields of other people’s making are refused on every route with a body', async () => {
    const document = JSON.parse(
      readFileSync(new URL('../../api/openapi.json', import.meta.url), 'utf8'),
    ) as Document;
    const open: string[] = [];
    let looked = 0;
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { requestBody }] of Object.entries(methods)) {
        const schema = requestBody?.content['application/json']?.schema;
        if (!schema) continue;
        looked += 1;
        const object = resolved(document, schema);
        if (object.additionalProperties !== false) open.push(`${method} ${path}`);
      }
    }
    expect(looked).toBeGreaterThan(4);
    expect(open).toEqual([]);
  });

  it.each(forbidden)('abuse case 39: %s in a new connection is refused by name', async (field) => {
    const imap = { host: 'a.example', port: 993, security: 'tls', username: 'x', password: 'y' };
    const body = { provider: 'imap', memberId: world.owner, capabilities: ['mail'], imap };
    const answer = await api.call('POST', '/v1/connections', {
      key: world.ours.key,
      body: { ...body, [field]: 'owner' },
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-request' } });
    expect(answer.body['errors']).toContainEqual(expect.objectContaining({ field }));
  });

  interface Schema {
    $ref?: string;
    additionalProperties?: unknown;
  }
  interface Document {
    paths: Record<
      string,
      Record<string, { requestBody?: { content: Record<string, { schema?: Schema }> } }>
    >;
    components: { schemas: Record<string, Schema> };
  }

  function resolved({ components }: Document, schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1);
    return name === undefined ? schema : components.schemas[name]!;
  }
});
