import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayRead } from '../../domain/read-gate.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { apiOperations } from '../support/api-operations.ts';
import { createMailWorld, markers, type MailWorld } from '../support/mail-world.ts';

let api: TestApi;
let world: MailWorld;

beforeAll(async () => {
  api = await createTestApi();
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

/** Every operation of the document on mail, with the ids of one message put in. */
function mailRequests(message: string, thread: string): { method: string; path: string }[] {
  return apiOperations().flatMap(({ method, pattern }) => {
    if (!/^\/v1\/(messages|threads|folders)/.test(pattern)) return [];
    const id = pattern.startsWith('/v1/threads') ? thread : message;
    return [{ method, path: pattern.replace('{id}', id).replace('{n}', '1') }];
  });
}

const ask = async (member: string, { method, path }: { method: string; path: string }) =>
  await api.call(method, path, {
    key: world.ours.key,
    member,
    ...(['POST', 'PATCH'].includes(method) && { body: {} }),
  });

describe('the read gate', () => {
  it('refuses untracked mail to another member on every route of the document', async () => {
    const requests = mailRequests(world.untracked, world.untrackedThread);
    expect(requests.length).toBeGreaterThanOrEqual(8);
    const leaks: string[] = [];
    for (const request of requests) {
      const { status, body } = await ask(world.colleague, request);
      const shown = JSON.stringify(body);
      const told = [...Object.values(markers), world.untracked].filter((text) =>
        shown.includes(text),
      );
      const named = request.path.includes('_');
      const hidden = !named || (status === 404 && body['code'] === 'not-found');
      if (told.length > 0 || !hidden) leaks.push(`${request.method} ${request.path}`);
    }
    expect(leaks).toEqual([]);
  });

  it.each([
    () => `thread=${world.untrackedThread}`,
    () => `connection=${world.connection}&tracked=false`,
    () => `folder=${world.folder}`,
    () => `address=${encodeURIComponent(markers.sender)}`,
    () => 'after=2020-01-01T00:00:00Z',
  ])('refuses it under filter %#', async (filter) => {
    const path = `/v1/messages?${filter()}`;
    const own = await ask(world.owner, { method: 'GET', path });
    expect(own.body.data.map(({ id }) => id)).toContain(world.untracked);
    const others = await ask(world.colleague, { method: 'GET', path });
    expect(others.body.data.map(({ id }) => id)).not.toContain(world.untracked);
  });

  it('shows all of it to its owner', async () => {
    const seen = [];
    for (const request of mailRequests(world.untracked, world.untrackedThread)) {
      if (request.method !== 'GET') continue;
      const answer = await ask(world.owner, request);
      seen.push([request.path.replace(/\/\w{3}_\w+/, '/ID'), answer.status]);
    }
    expect(Object.fromEntries(seen)).toEqual({
      '/v1/folders': 200,
      '/v1/messages': 200,
      '/v1/messages/ID': 200,
      '/v1/messages/ID/body': 200,
      '/v1/messages/ID/source': 404,
      '/v1/messages/ID/attachments/1': 404,
      '/v1/threads': 200,
      '/v1/threads/ID': 200,
    });
    const body = { method: 'GET', path: `/v1/messages/${world.untracked}/body` };
    expect((await ask(world.owner, body)).body['text']).toBe(markers.body);
  });

  it('shows tracked mail to the team, without the owner’s folders and labels', async () => {
    const path = `/v1/messages/${world.tracked}`;
    const own = await ask(world.owner, { method: 'GET', path });
    expect(own.body['folders']).toEqual([{ id: world.folder, name: markers.folder, uid: 2 }]);
    expect(own.body['labels']).toEqual([markers.keyword]);
    const others = await ask(world.colleague, { method: 'GET', path });
    expect(others.body).toMatchObject({
      subject: 'Shared',
      folders: [],
      labels: [],
      tracked: true,
    });
    const list = await ask(world.colleague, { method: 'GET', path: '/v1/messages' });
    expect(list.body.data.map(({ id }) => id)).toEqual([world.tracked]);
    const threads = await ask(world.colleague, { method: 'GET', path: '/v1/threads' });
    expect(threads.body.data.map(({ id }) => id)).toEqual([world.trackedThread]);
  });

  it('keeps folder names to the owner; the account itself is seen by the tenant', async () => {
    const folders = await ask(world.owner, { method: 'GET', path: '/v1/folders' });
    expect(folders.body.data).toMatchObject([
      { id: world.folder, path: ['Parent', markers.folder], stored: 2, expected: 3 },
    ]);
    const path = `/v1/connections/${world.connection}`;
    const own = await ask(world.owner, { method: 'GET', path });
    expect(own.body['excludedFolders']).toEqual([[markers.folder]]);
    const others = await ask(world.colleague, { method: 'GET', path });
    expect(others.body).toMatchObject({ address: markers.account, excludedFolders: null });
    const events = await ask(world.colleague, { method: 'GET', path: `${path}/skips` });
    expect(JSON.stringify([others.body, events.body])).not.toContain(markers.folder);
  });

  it('lets only the owner track, and says so in the audit log', async () => {
    const track = { method: 'POST', path: `/v1/messages/${world.untracked}/track` };
    expect((await ask(world.colleague, track)).status).toBe(404);
    const contact = { key: world.ours.key, member: world.owner, body: { contact: 'ctc_1' } };
    expect(await api.call('POST', track.path, contact)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ field: 'contact' }] },
    });
    expect(await ask(world.owner, track)).toMatchObject({ status: 200, body: { tracked: true } });
    expect((await ask(world.owner, track)).status).toBe(200);
    const read = { method: 'GET', path: `/v1/messages/${world.untracked}` };
    expect((await ask(world.colleague, read)).status).toBe(200);
    const entries = await api.database.owner.sql<{ action: string }[]>`
      select action from admin.audit_log where action = 'message.tracked'`;
    expect(entries).toHaveLength(1);
  });
});

describe('mayRead', () => {
  const actor = { tenantId: 't1', memberId: 'm1' };
  it.each([
    [{ tenantId: 't1', ownerId: 'm1', tracked: false }, true],
    [{ tenantId: 't1', ownerId: 'm2', tracked: true }, true],
    [{ tenantId: 't1', ownerId: 'm2', tracked: false }, false],
    [{ tenantId: 't2', ownerId: 'm1', tracked: true }, false],
  ])('%o → %s', (message, expected) => {
    expect(mayRead(actor, message)).toBe(expected);
  });
});
