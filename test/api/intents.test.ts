import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readLicence, withFence } from '../../db/fence.ts';
import { recordDone, recordRefused } from '../../db/queries/sync/intents.ts';
import { parsePublicId, toPublicId } from '../../domain/ids.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { writeFolder } from '../support/mail-rows.ts';
import { createMailWorld, markers, type MailWorld } from '../support/mail-world.ts';

let api: TestApi;
let world: MailWorld;
let target: string;
const poked: string[] = [];

beforeAll(async () => {
  const ensure = async ({ connectionId }: { connectionId: string }) =>
    void poked.push(connectionId);
  api = await createTestApi({ workflows: { ensure, check: async () => undefined } });
  world = await createMailWorld(api);
  const store = { database: api.deps.database, vault: world.ours.vault };
  const connectionId = world.connectionUuid;
  const { id } = await writeFolder({ ...store, connectionId }, ['Target']);
  target = toPublicId('folder', id);
  await setRole(null);
});
afterAll(() => api[Symbol.asyncDispose]());
afterEach(async () => {
  poked.length = 0;
  await finish((await list('?state=pending')).map(({ id }) => String(id)));
});

const ask = async (method: string, path: string, body?: unknown, member = world.owner) =>
  await api.call(method, path, {
    ...{ key: world.ours.key, member },
    ...(body !== undefined && { body }),
  });
const list = async (query = '', member = world.owner) =>
  (await ask('GET', `/v1/connections/${world.connection}/intents${query}`, undefined, member)).body
    .data;
const read = async (id = world.untracked) => (await ask('GET', `/v1/messages/${id}`)).body;
const idsIn = async (folder: string) =>
  (await ask('GET', `/v1/messages?folder=${folder}`)).body.data.map(({ id }) => id);

async function underFence(work: Parameters<typeof withFence>[2]): Promise<void> {
  const key = { tenantId: world.ours.uuid, connectionId: world.connectionUuid };
  const licence = await readLicence(api.deps.database.db, { ...key, capability: 'mail' });
  await withFence(api.deps.database, licence!, work);
}

const setRole = (role: string | null, folder?: string) =>
  underFence(async (tx) => {
    const which = folder ? sql`id = ${parsePublicId('folder', folder)!}` : sql`true`;
    await tx.execute(sql`update folders set role = ${role} where ${which}`);
  });

/** As the live loop found out what the provider lets be changed. */
const setAbilities = (abilities: string[] | null) =>
  underFence(async (tx) => {
    await tx.execute(sql`update sync_status set abilities = ${sql.param(abilities)}::text[]`);
  });

/** As a slice ends what was carried out. */
const finish = (ids: string[]) =>
  underFence((tx) =>
    recordDone(
      tx,
      { tenantId: world.ours.uuid, connectionId: world.connectionUuid },
      ids.map((id) => parsePublicId('intent', id)!),
    ),
  );

const refuse = (id: string, reason: string) =>
  underFence((tx) =>
    recordRefused(tx, { tenantId: world.ours.uuid, connectionId: world.connectionUuid }, [
      { id: parsePublicId('intent', id)!, reason },
    ]),
  );

const intentsOf = (answer: { body: Record<string, unknown> }) => answer.body['intents'] as string[];

describe('changing a message', () => {
  it('is asked for, shown at once in single and list reads, and carried out by the workflow', async () => {
    const path = `/v1/messages/${world.untracked}`;
    expect(await read()).toMatchObject({ read: true, flagged: true, pending: false, refused: [] });
    const answer = await ask('PATCH', path, { read: false, keywords: ['$New'] });
    expect(answer).toMatchObject({
      status: 202,
      body: { message: { read: false, flagged: true, labels: ['$New'], pending: true } },
    });
    expect(poked).toEqual([world.connectionUuid]);
    expect(await list()).toMatchObject([
      {
        ...{ id: intentsOf(answer)[0], kind: 'flags', state: 'pending', attempts: 0 },
        ...{ messageId: world.untracked, read: false, flagged: null, memberId: world.owner },
        ...{ addKeywords: ['$New'], removeKeywords: [markers.keyword] },
      },
    ]);
    const page = await ask('GET', '/v1/messages');
    const shown = page.body.data.find(({ id }) => id === world.untracked);
    expect(shown).toMatchObject({ read: false, labels: ['$New'], pending: true });
    await ask('PATCH', path, { read: true });
    expect(await read()).toMatchObject({ read: true, labels: ['$New'] });
  });

  it('moves it, also for the filter by folder', async () => {
    const answer = await ask('PATCH', `/v1/messages/${world.untracked}`, { folder: target });
    expect(answer.body['message']).toMatchObject({ folders: [{ id: target, name: 'Target' }] });
    expect(await idsIn(target)).toEqual([world.untracked]);
    expect(await idsIn(world.folder)).toEqual([world.tracked]);
    await ask('PATCH', `/v1/messages/${world.untracked}`, { folder: world.folder });
    expect(await idsIn(target)).toEqual([]);
    expect(await idsIn(world.folder)).toHaveLength(2);
  });

  it('shows a refusal with its reason, until the same is asked again', async () => {
    const path = `/v1/messages/${world.untracked}`;
    const [id] = intentsOf(await ask('PATCH', path, { flagged: false }));
    expect(await read()).toMatchObject({ flagged: false });
    await refuse(id!, 'imap-over-quota');
    const reason = 'imap-over-quota';
    expect(await read()).toMatchObject({
      ...{ flagged: true, pending: false },
      refused: [{ intentId: id, kind: 'flags', reason }],
    });
    expect(await list('?state=refused')).toMatchObject([{ id, reason, state: 'refused' }]);
    const again = intentsOf(await ask('PATCH', path, { flagged: false }));
    await finish(again);
    expect(await read()).toMatchObject({ pending: false, refused: [] });
  });

  it('takes any text as a label, and archives, where the host has labels', async () => {
    const path = `/v1/messages/${world.untracked}`;
    const writes = async () => {
      const { body } = await ask('GET', `/v1/connections/${world.connection}`);
      return (body['capabilities'] as { mail: { writes: unknown } }).mail.writes;
    };
    expect(await writes()).toBeNull();
    await setAbilities(['flags', 'labels', 'move']);
    expect(await writes()).toEqual(['flags', 'labels', 'move']);
    const keywords = [markers.keyword, 'Müller & Söhne', '\\Inbox'];
    expect((await ask('PATCH', path, { keywords })).body['message']).toMatchObject({
      labels: keywords,
    });
    await setRole('all', target);
    const archived = await ask('PATCH', path, { folder: target });
    expect(archived.body['message']).toMatchObject({
      ...{ folders: [{ id: target }], labels: keywords.slice(0, 2) },
    });
    expect(await list('?state=pending')).toMatchObject([
      ...[{ kind: 'move' }, { kind: 'flags', addKeywords: [], removeKeywords: ['\\Inbox'] }],
      { kind: 'flags', addKeywords: keywords.slice(1), removeKeywords: [] },
    ]);
    await setRole(null);
    await setAbilities(null);
  });

  it('to trash needs a trash', async () => {
    const path = `/v1/messages/${world.untracked}`;
    expect(await ask('PATCH', path, { trash: true })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'trash' }] },
    });
    await setRole('trash', target);
    expect((await ask('PATCH', path, { trash: true })).body['message']).toMatchObject({
      folders: [{ id: target }],
    });
    await setRole(null);
  });

  it.each([
    ['nothing', {}, 'json'],
    ['two targets', { trash: true, folder: 'fld_0199a3c45b7e7d12a4c1f0e2d3b4a596' }, 'trash'],
    ['a folder of nobody', { folder: 'fld_0199a3c45b7e7d12a4c1f0e2d3b4a596' }, 'folder'],
    ['a system flag', { keywords: ['\\Deleted'] }, 'keywords'],
    ['two words', { keywords: ['two words'] }, 'keywords'],
    ['CRLF', { keywords: ['a\r\nA1 LOGOUT'] }, 'keywords.0'],
    ['no such field', { seen: true }, 'seen'],
  ])('refuses %s with the field', async (_, body, field) => {
    const answer = await ask('PATCH', `/v1/messages/${world.untracked}`, body);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field }] } });
    expect(await list('?state=pending')).toEqual([]);
  });

  it('is for the owner of the mailbox: others may read what is tracked, and no more', async () => {
    const path = `/v1/messages/${world.tracked}`;
    const problem = { status: 403, body: { code: 'not-the-owner' } };
    expect(await ask('PATCH', path, { read: true }, world.colleague)).toMatchObject(problem);
    expect(await ask('DELETE', path, undefined, world.colleague)).toMatchObject(problem);
    const body = { connectionId: world.connection, path: ['X'] };
    expect(await ask('POST', '/v1/folders', body, world.colleague)).toMatchObject(problem);
    await ask('PATCH', path, { read: true, keywords: ['$Secret'], folder: target });
    const others = await ask('GET', path, undefined, world.colleague);
    expect(others.body).toMatchObject({ read: true, folders: [], labels: [], pending: false });
    const [shown] = await list('', world.colleague);
    expect(shown).toMatchObject({ state: 'pending', messageId: null, folderId: null });
    expect(JSON.stringify(await list('', world.colleague))).not.toContain('$Secret');
  });

  it('holds what was asked sealed', async () => {
    await ask('PATCH', `/v1/messages/${world.untracked}`, { keywords: ['Zinnoberrot'] });
    const rows = await api.database.owner.sql<{ row: string }[]>`
      select intents::text as row, encode(change, 'escape') as content from intents`;
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain('Zinnoberrot');
  });

  it('waits for nobody who is disconnected', async () => {
    const path = `/v1/messages/${world.untracked}`;
    const set = (at: string | null) => api.database.owner.sql`
      update connections set disconnected_at = ${at}`;
    await set('2026-01-01T00:00:00Z');
    expect(await ask('PATCH', path, { read: true })).toMatchObject({
      status: 409,
      body: { code: 'connection-disconnected' },
    });
    await set(null);
  });
});

describe('deleting a message', () => {
  it('takes it out of every read at once, and a refusal brings it back', async () => {
    const path = `/v1/messages/${world.tracked}`;
    const answer = await ask('DELETE', path);
    expect(answer).toMatchObject({ status: 202, body: { id: world.tracked } });
    for (const member of [world.owner, world.colleague]) {
      expect((await ask('GET', path, undefined, member)).status).toBe(404);
      expect((await ask('GET', `${path}/body`, undefined, member)).status).toBe(404);
      const shown = await ask('GET', '/v1/messages', undefined, member);
      expect(shown.body.data.map(({ id }) => id)).not.toContain(world.tracked);
      const threads = await ask('GET', '/v1/threads', undefined, member);
      expect(threads.body.data.map(({ id }) => id)).not.toContain(world.trackedThread);
    }
    expect(await idsIn(world.folder)).toEqual([world.untracked]);
    await refuse(intentsOf(answer)[0]!, 'imap-removal-unsupported');
    expect(await read(world.tracked)).toMatchObject({
      refused: [{ kind: 'delete', reason: 'imap-removal-unsupported' }],
    });
  });
});

describe('folders', () => {
  const folders = async () =>
    (await ask('GET', '/v1/folders')).body.data.map(({ id, path }) => [id, path]);

  it('are made through an intent that names the folder once it is there', async () => {
    const body = { connectionId: world.connection, path: ['New', 'One'] };
    const headers = { 'Idempotency-Key': 'make-it-once' };
    const call = () =>
      api.call('POST', '/v1/folders', {
        ...{ key: world.ours.key, member: world.owner, body, headers },
      });
    const first = await call();
    expect(first).toMatchObject({ status: 202, body: { folder: null } });
    const again = await call();
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('Idempotent-Replayed')).toBe('true');
    expect(await list('?state=pending')).toMatchObject([
      { kind: 'create-folder', path: ['New', 'One'], folderId: null },
    ]);
  });

  it('are renamed and deleted, shown at once', async () => {
    const renamed = await ask('PATCH', `/v1/folders/${world.folder}`, { path: ['Elsewhere'] });
    expect(renamed).toMatchObject({
      status: 202,
      body: { folder: { id: world.folder, path: ['Elsewhere'], name: 'Elsewhere', pending: true } },
    });
    await ask('DELETE', `/v1/folders/${target}`);
    expect(await folders()).toEqual([[world.folder, ['Elsewhere']]]);
    expect(await ask('PATCH', `/v1/folders/${world.folder}`, {})).toMatchObject({ status: 400 });
  });

  it('and what lies in them tell one story', async () => {
    await ask('PATCH', `/v1/folders/${world.folder}`, { path: ['Elsewhere', 'Now'] });
    expect(await read()).toMatchObject({ folders: [{ id: world.folder, name: 'Now' }] });

    const deleting = await ask('DELETE', `/v1/folders/${world.folder}`);
    for (const [method, path] of [
      ['GET', `/v1/messages/${world.untracked}`],
      ['PATCH', `/v1/messages/${world.untracked}`],
      ['DELETE', `/v1/messages/${world.untracked}`],
      ['PATCH', `/v1/folders/${world.folder}`],
      ['DELETE', `/v1/folders/${world.folder}`],
    ] as const) {
      const body = method === 'PATCH' ? { path: ['X'] } : undefined;
      const fitting = path.includes('messages') && body ? { read: true } : body;
      expect(await ask(method, path, fitting), `${method} ${path}`).toMatchObject({ status: 404 });
    }
    expect(await idsIn(world.folder)).toEqual([]);
    // Gone for everybody, as a message is whose own deletion was asked for.
    for (const member of [world.owner, world.colleague]) {
      const shown = await ask('GET', '/v1/messages', undefined, member);
      expect(shown.body.data.map(({ id }) => id)).not.toContain(world.tracked);
    }

    await refuse(intentsOf(deleting)[0]!, 'imap-removal-unsupported');
    expect(await read()).toMatchObject({ folders: [{ id: world.folder }] });
    expect(await idsIn(world.folder)).toContain(world.untracked);
  });

  it('that are to be deleted take no mail with them that was to leave them before', async () => {
    await ask('PATCH', `/v1/messages/${world.untracked}`, { folder: target });
    await ask('DELETE', `/v1/folders/${world.folder}`);
    expect(await read()).toMatchObject({
      folders: [{ id: target, name: 'Target' }],
      pending: true,
    });
    expect(await idsIn(target)).toEqual([world.untracked]);

    await ask('DELETE', `/v1/folders/${target}`);
    expect((await ask('GET', `/v1/messages/${world.untracked}`)).status).toBe(404);
  });

  it('that are to be deleted take none in', async () => {
    await ask('DELETE', `/v1/folders/${target}`);
    expect(await ask('PATCH', `/v1/messages/${world.untracked}`, { folder: target })).toMatchObject(
      {
        ...{ status: 400, body: { errors: [{ field: 'folder' }] } },
      },
    );
  });

  it.each(['pending', 'refused'])(
    'that are to be deleted are gone, however many others have changes that are %s',
    async (state) => {
      const many = 250;
      await underFence(async (tx) => {
        await tx.execute(sql`
          insert into intents (tenant_id, connection_id, id, member_id, kind, folder_id, state)
          select ${world.ours.uuid}, ${world.connectionUuid}, gen_random_uuid(),
            gen_random_uuid(), 'rename-folder', gen_random_uuid(), ${state}
          from generate_series(1, ${many})`);
      });
      const { body } = await ask('PATCH', `/v1/folders/${target}`, { path: ['Renamed'] });
      // Names are chained: of those that wait only so many are shown as they will be.
      const name = state === 'refused' ? 'Renamed' : 'Target';
      expect(body['folder']).toMatchObject({ name });

      await ask('DELETE', `/v1/folders/${target}`);
      expect((await folders()).map(([id]) => id)).not.toContain(target);
      const move = await ask('PATCH', `/v1/messages/${world.untracked}`, { folder: target });
      expect(move).toMatchObject({ status: 400, body: { errors: [{ field: 'folder' }] } });

      await underFence(async (tx) => {
        await tx.execute(sql`delete from intents where tenant_id = ${world.ours.uuid}`);
      });
    },
  );

  it('with a role stay as they are', async () => {
    await setRole('inbox');
    for (const method of ['PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? { path: ['X'] } : undefined;
      expect(await ask(method, `/v1/folders/${world.folder}`, body)).toMatchObject({
        status: 409,
        body: { code: 'folder-protected' },
      });
    }
    await setRole(null);
  });
});

describe('what waits', () => {
  it('is bounded per connection', async () => {
    await api.database.owner.db.execute(sql`
      insert into intents (tenant_id, connection_id, id, member_id, kind)
      select ${world.ours.uuid}, ${world.connectionUuid}, gen_random_uuid(), gen_random_uuid(),
        'flags' from generate_series(1, 10000)`);
    const answer = await ask('PATCH', `/v1/messages/${world.untracked}`, { read: true });
    expect(answer).toMatchObject({ status: 429, body: { code: 'too-many-pending' } });
    expect(answer.headers.get('Retry-After')).toBe('30');
    await underFence(async (tx) => void (await tx.execute(sql`delete from intents`)));
  });
});
